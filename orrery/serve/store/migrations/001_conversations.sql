-- Conversations are trees of messages: a message's parent is the one it answers or continues, and "head" is the leaf last shown.
-- Times are milliseconds since 1970 UTC. settings, content and stats are JSON text. The columns ..._folded are for the search
-- (store/folding.h). bytes: what counts towards the limit of a conversation.
CREATE TABLE conversations (
  id TEXT PRIMARY KEY NOT NULL,
  title TEXT NOT NULL,
  title_folded TEXT NOT NULL,
  settings TEXT NOT NULL,
  head TEXT,
  bytes BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX conversations_by_update ON conversations (updated_at);

-- seq: the order of creation within the conversation.
CREATE TABLE messages (
  conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  parent TEXT,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  text_folded TEXT NOT NULL,
  model TEXT,
  finish TEXT,
  stats TEXT,
  bytes BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (conversation, id),
  UNIQUE (conversation, seq),
  FOREIGN KEY (conversation, parent) REFERENCES messages (conversation, id)
);
CREATE INDEX messages_by_parent ON messages (conversation, parent);
