CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`salt` text NOT NULL,
	`hash` text NOT NULL,
	`limits` text,
	`created_at` integer NOT NULL,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE TABLE `demos` (
	`slug` text PRIMARY KEY NOT NULL,
	`title` text NOT NULL,
	`request` text NOT NULL,
	`generation_id` text NOT NULL,
	`position` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `demos_generation_id` ON `demos` (`generation_id`);--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`account` text NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`seed` integer,
	`status` integer,
	`body` text,
	`location` text,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`account`, `key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_created_at` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE TABLE `usage` (
	`account` text NOT NULL,
	`day` text NOT NULL,
	`requests` integer DEFAULT 0 NOT NULL,
	`generations` integer DEFAULT 0 NOT NULL,
	`hits` integer DEFAULT 0 NOT NULL,
	`refused` integer DEFAULT 0 NOT NULL,
	`evaluations` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`account`, `day`)
);
--> statement-breakpoint
CREATE TABLE `webhook_deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`subject` text NOT NULL,
	`account` text NOT NULL,
	`url` text NOT NULL,
	`payload` text,
	`attempts` integer DEFAULT 0 NOT NULL,
	`next_attempt_at` integer,
	`state` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_subject` ON `webhook_deliveries` (`subject`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_next_attempt_at` ON `webhook_deliveries` (`next_attempt_at`);--> statement-breakpoint
ALTER TABLE `generations` ADD `owner` text;--> statement-breakpoint
ALTER TABLE `generations` ADD `stored_bytes` integer DEFAULT 0 NOT NULL;