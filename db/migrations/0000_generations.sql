CREATE TABLE `generations` (
	`id` text PRIMARY KEY NOT NULL,
	`request` text NOT NULL,
	`plan` text NOT NULL,
	`status` text NOT NULL,
	`events` text NOT NULL,
	`evaluations` text NOT NULL,
	`timings` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer NOT NULL,
	`hits` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE INDEX `generations_last_used_at` ON `generations` (`last_used_at`);--> statement-breakpoint
CREATE TABLE `images` (
	`generation_id` text PRIMARY KEY NOT NULL,
	`sha256` text NOT NULL,
	`media_type` text NOT NULL,
	`width` integer NOT NULL,
	`height` integer NOT NULL,
	`bytes` blob NOT NULL,
	FOREIGN KEY (`generation_id`) REFERENCES `generations`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `previews` (
	`generation_id` text NOT NULL,
	`event_id` integer NOT NULL,
	`step` integer NOT NULL,
	`method` text NOT NULL,
	`media_type` text NOT NULL,
	`width` integer NOT NULL,
	`height` integer NOT NULL,
	`bytes` blob NOT NULL,
	PRIMARY KEY(`generation_id`, `event_id`),
	FOREIGN KEY (`generation_id`) REFERENCES `generations`(`id`) ON UPDATE no action ON DELETE cascade
);
