/*
 * Elements, made and kept up to date. What the server tells becomes text nodes, never markup: the
 * policy of this page would not let it.
 */

/* make('td', {class: 'number'}, 'text', child, ...) */
export function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes ?? {})) {
        element.setAttribute(attribute, value);
    }
    element.append(...children);
    return element;
}

/* Sets the text, unless it is that already: a selection in it stays. */
export function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

/*
 * Makes the children of `parent` those of `items`, in their order: an element stays with its key,
 * so that what a reader has opened or selected is not lost. `create(item)` makes the element of a
 * new item, `update(element, item)` is called for each.
 */
export function keep(parent, items, key, create, update) {
    const known = (parent.kept ??= new Map());
    const wanted = new Set(items.map(key));
    for (const [name, element] of known) {
        if (!wanted.has(name)) {
            element.remove();
            known.delete(name);
        }
    }
    let place = parent.firstChild;
    for (const item of items) {
        const name = key(item);
        const element = known.get(name) ?? create(item);
        known.set(name, element);
        update?.(element, item);
        if (element === place) {
            place = place.nextSibling;
        } else {
            parent.insertBefore(element, place);
        }
    }
}

/* A row of cells: the first is the row's header. */
export function makeRow(cells) {
    return make(
        'tr',
        null,
        ...cells.map((kind, i) =>
            make(i === 0 ? 'th' : 'td', {
                ...(i === 0 ? { scope: 'row' } : {}),
                ...(kind ? { class: kind } : {}),
            })
        )
    );
}

/* Terms and their values: [[term, text], ...]. */
export function showList(list, entries) {
    keep(
        list,
        entries.flatMap(([term, text]) => [
            { key: `${term}:`, text: term, name: 'dt' },
            { key: term, text, name: 'dd' },
        ]),
        (item) => item.key,
        (item) => make(item.name),
        (element, item) => setText(element, item.text)
    );
}

const svg = 'http://www.w3.org/2000/svg';
const width = 60; /* values that are shown */

/* A line of the last values. */
export class Line {
    constructor() {
        this.values = [];
        this.element = document.createElementNS(svg, 'svg');
        this.element.setAttribute('viewBox', `0 0 ${width - 1} 10`);
        this.element.setAttribute('preserveAspectRatio', 'none');
        this.element.setAttribute('aria-hidden', 'true');
        this.line = document.createElementNS(svg, 'polyline');
        this.element.append(this.line);
    }

    add(value) {
        this.values.push(value);
        this.values.splice(0, this.values.length - width);
        const top = Math.max(...this.values, 1e-9);
        const start = width - this.values.length;
        this.line.setAttribute(
            'points',
            this.values.map((y, x) => `${start + x},${(9.5 - (9 * y) / top).toFixed(2)}`).join(' ')
        );
    }
}

/* A number with a name, a remark, and a line of how it went. */
export class Card {
    constructor(title) {
        this.value = make('p', null);
        this.remark = make('p', null);
        this.line = new Line();
        this.element = make(
            'article',
            { class: 'card' },
            make('h3', null, title),
            this.value,
            this.remark,
            this.line.element
        );
    }

    show(number, text, remark) {
        setText(this.value, text);
        setText(this.remark, remark);
        this.line.add(number);
    }
}
