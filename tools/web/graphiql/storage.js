/*
 * What GraphiQL keeps for the next visit: the browser's local storage, without headers. GraphiQL
 * itself leaves them out of its tabs when it is told so, but not out of its history.
 */
const prefix = 'graphiql:';
const lists = new Set(['queries', 'favorites', 'tabState'].map((name) => prefix + name));

const withoutHeaders = (text) =>
    JSON.stringify(JSON.parse(text), (name, value) => (name === 'headers' ? undefined : value));

const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));

export const storage = {
    getItem: (key) => localStorage.getItem(key),
    setItem(key, value) {
        if (key !== `${prefix}headers`) {
            localStorage.setItem(key, lists.has(key) ? withoutHeaders(value) : value);
        }
    },
    removeItem: (key) => localStorage.removeItem(key),
    clear: () => keys().forEach((key) => localStorage.removeItem(key)),
    get length() {
        return keys().length;
    },
};
