// The data in SQLite, with the keys and indexes that Quire's tables have, each commit synced.
// As a program, sqlite.mjs DIRECTORY makes DIRECTORY/peer.sqlite out of data.json there.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";

function open(directory) {
  const db = new Database(`${directory}/peer.sqlite`);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.pragma("cache_size = -262144");
  return db;
}

const tables = `
  CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
  CREATE TABLE posts (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL,
    createdAt INTEGER NOT NULL, authorId TEXT NOT NULL REFERENCES users);
  CREATE TABLE comments (id TEXT PRIMARY KEY, text TEXT NOT NULL,
    postId TEXT NOT NULL REFERENCES posts, authorId TEXT NOT NULL REFERENCES users);`;
const indexes = `
  CREATE INDEX posts_title ON posts (title);
  CREATE INDEX posts_created ON posts (createdAt);
  CREATE INDEX posts_author ON posts (authorId);
  CREATE INDEX comments_post ON comments (postId);
  CREATE INDEX comments_author ON comments (authorId);
  ANALYZE;`;

function fill(directory) {
  const data = JSON.parse(readFileSync(`${directory}/data.json`, "utf8"));
  const db = open(directory);
  db.exec(tables);
  const insert = (sql, rows, values) => {
    const statement = db.prepare(sql);
    db.transaction(() => rows.forEach((row) => statement.run(...values(row))))();
  };
  insert("INSERT INTO users VALUES (?, ?, ?)", data.User, (u) => [u.id, u.name, u.email]);
  insert("INSERT INTO posts VALUES (?, ?, ?, ?, ?)", data.Post, (p) => [
    ...[p.id, p.title, p.body, p.createdAt, p.author],
  ]);
  insert("INSERT INTO comments VALUES (?, ?, ?, ?)", data.Comment, (c) => [
    ...[c.id, c.text, c.post, c.author],
  ]);
  db.exec(indexes);
  db.close();
}

// What the resolvers ask, by prepared statements.
export function openStore(directory) {
  const db = open(directory);
  const user = db.prepare("SELECT * FROM users WHERE id = ?");
  const postsOf = db.prepare("SELECT * FROM posts WHERE authorId = ? ORDER BY rowid LIMIT ?");
  const commentsOn = db.prepare("SELECT * FROM comments WHERE postId = ? ORDER BY rowid LIMIT ?");
  const newest = db.prepare("SELECT * FROM posts ORDER BY createdAt DESC LIMIT ?");
  const withPrefix = db.prepare(
    "SELECT * FROM posts WHERE title >= ? AND title < ? ORDER BY createdAt DESC LIMIT ?",
  );
  const containing = db.prepare(
    "SELECT * FROM posts WHERE instr(title, ?) > 0 ORDER BY createdAt DESC LIMIT ?",
  );
  const create = db.prepare("INSERT INTO posts VALUES (?, ?, ?, ?, ?)");
  return {
    user: (id) => user.get(id),
    postsOf: (id, take) => postsOf.all(id, take),
    commentsOn: (id, take) => commentsOn.all(id, take),
    newest: (take) => newest.all(take),
    withPrefix: (prefix, take) => withPrefix.all(prefix, `${prefix}\u{10ffff}`, take),
    containing: (text, take) => containing.all(text, take),
    createPost(input) {
      create.run(input.id, input.title, input.body, input.createdAt, input.authorId);
      return input;
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) fill(process.argv[2]);
