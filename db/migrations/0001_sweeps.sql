CREATE TABLE `sweeps` (
	`id` text PRIMARY KEY NOT NULL,
	`axis` text NOT NULL,
	`branches` text NOT NULL,
	`planned` text NOT NULL,
	`event_order` text NOT NULL,
	`outcome` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer NOT NULL,
	`hits` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE INDEX `sweeps_last_used_at` ON `sweeps` (`last_used_at`);