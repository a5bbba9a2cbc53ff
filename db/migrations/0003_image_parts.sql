CREATE TABLE `image_parts` (
	`sha256` text NOT NULL,
	`part` integer NOT NULL,
	`bytes` blob NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`sha256`, `part`)
);
--> statement-breakpoint
CREATE INDEX `image_parts_created_at` ON `image_parts` (`created_at`);--> statement-breakpoint
ALTER TABLE `images` ADD `size` integer DEFAULT 0 NOT NULL;