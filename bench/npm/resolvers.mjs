// The generated schema of Quire with resolvers of one's own, over a store that answers for rows:
// what a program writes that serves the same data by graphql-js or what is built on it.
import {
  GraphQLNonNull,
  buildSchema,
  parse,
  specifiedDirectives,
  specifiedScalarTypes,
} from "graphql";

// Lets introspection list types as Quire does, in the order of their definitions.
function orderTypes(schema, sdl) {
  const defined = parse(sdl).definitions.filter(({ kind }) => kind.endsWith("TypeDefinition"));
  const scalars = ["Int", "Float", "String", "Boolean", "ID"];
  const names = [...defined.map(({ name }) => name.value), ...scalars];
  const rest = Object.keys(schema.getTypeMap()).filter((name) => !names.includes(name));
  const types = [...names, ...rest].map((name) => [
    name,
    schema.getType(name) ?? specifiedScalarTypes.find((scalar) => scalar.name === name),
  ]);
  schema._typeMap = Object.fromEntries(types);
}

// What GraphQL itself defines is as in Quire: without descriptions, and as the edition of September
// 2025 has it, where neither includeDeprecated nor the reason of @deprecated is ever null.
function adapt(part) {
  part.description = undefined;
  if (["includeDeprecated", "reason"].includes(part.name)) part.type = new GraphQLNonNull(part.type);
  for (const list of [part.getFields?.(), part.getValues?.(), part.args]) {
    Object.values(list ?? {}).forEach(adapt);
  }
}

// The schema that Quire generates, resolved by a store: a connection's rows are found once, where
// it begins.
export function makeSchema(sdl, store) {
  const schema = buildSchema(sdl, { assumeValid: true });
  orderTypes(schema, sdl);
  specifiedScalarTypes.forEach(adapt);
  specifiedDirectives.forEach(adapt);
  Object.values(schema.getTypeMap())
    .filter(({ name }) => name.startsWith("__"))
    .forEach(adapt);
  const set = (type, field, resolve) => {
    schema.getType(type).getFields()[field].resolve = resolve;
  };
  set("Query", "user", (_, { id }) => store.user(id));
  set("Query", "posts", (_, { where, take }) => ({ items: posts(store, where, take) }));
  set("Mutation", "createPost", (_, { input }) => store.createPost(input));
  set("User", "posts", (user, { take }) => ({ items: store.postsOf(user.id, take) }));
  set("Post", "author", (post) => store.user(post.authorId));
  set("Post", "comments", (post, { take }) => ({ items: store.commentsOn(post.id, take) }));
  set("Comment", "author", (comment) => store.user(comment.authorId));
  return schema;
}

// The newest posts, of those alone whose title has the prefix or contains the text.
function posts(store, where, take) {
  if (!where) return store.newest(take);
  if (where.title.startsWith !== undefined) return store.withPrefix(where.title.startsWith, take);
  return store.containing(where.title.contains, take);
}

// All rows in maps and sorted arrays, in the place of the indexes.
export function mapStore(data) {
  const users = new Map();
  const postsOf = new Map();
  const commentsOn = new Map();
  const posts = [];
  const append = (map, key, row) => {
    const list = map.get(key);
    if (list) list.push(row);
    else map.set(key, [row]);
  };
  for (const { id, name, email } of data.User) users.set(id, { id, name, email });
  for (const { id, title, body, createdAt, author } of data.Post) {
    const post = { id, title, body, createdAt, authorId: author };
    posts.push(post);
    append(postsOf, author, post);
  }
  for (const { id, text, post, author } of data.Comment) {
    append(commentsOn, post, { id, text, postId: post, authorId: author });
  }
  const byAge = posts.toSorted((a, b) => b.createdAt - a.createdAt);
  const byTitle = posts.toSorted((a, b) => (a.title < b.title ? -1 : 1));
  const none = [];
  return {
    user: (id) => users.get(id),
    postsOf: (id, take) => (postsOf.get(id) ?? none).slice(0, take),
    commentsOn: (id, take) => (commentsOn.get(id) ?? none).slice(0, take),
    newest: (take) => byAge.slice(0, take),
    withPrefix(prefix, take) {
      let low = 0;
      let high = byTitle.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (byTitle[middle].title < prefix) low = middle + 1;
        else high = middle;
      }
      const found = [];
      for (; low < byTitle.length && byTitle[low].title.startsWith(prefix); low++) {
        found.push(byTitle[low]);
      }
      return found.sort((a, b) => b.createdAt - a.createdAt).slice(0, take);
    },
    containing(text, take) {
      const found = [];
      for (let i = 0; i < byAge.length && found.length < take; i++) {
        if (byAge[i].title.includes(text)) found.push(byAge[i]);
      }
      return found;
    },
  };
}
