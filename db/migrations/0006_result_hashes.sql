ALTER TABLE `generations` ADD `log_sha256` text;--> statement-breakpoint
ALTER TABLE `previews` ADD `sha256` text;