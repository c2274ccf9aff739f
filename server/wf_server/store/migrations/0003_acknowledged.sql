-- The policies whose warnings a submission acknowledged: their names, joined by commas.
ALTER TABLE workflow ADD COLUMN acknowledged TEXT NOT NULL DEFAULT '';
