"""From the folder emails/ to mailings that only lack a person's own values. No database, no network, no clock."""
