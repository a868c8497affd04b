-- Votes between two answers, as TRL's conversational preference records. They outlive the conversation that they came from: its id
-- is kept as it was, not as a reference. prompt, chosen, rejected and settings are JSON text.
CREATE TABLE preferences (
  id TEXT PRIMARY KEY NOT NULL,
  conversation TEXT,
  prompt TEXT NOT NULL,
  chosen TEXT NOT NULL,
  rejected TEXT NOT NULL,
  chosen_model TEXT NOT NULL,
  rejected_model TEXT NOT NULL,
  settings TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX preferences_by_time ON preferences (created_at, id);
