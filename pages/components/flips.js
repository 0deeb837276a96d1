// Two students' answers to one question, side by side. All texts came from models or files: they are
// painted as text and never become markup. `said.js` stands before this file.
const find = (selector) => element.querySelector(selector);
const whole = new Intl.NumberFormat('en');
const PATIENCE_MS = 5000;              // until an answer counts as lost
const known = new Map();               // pairs of answers, by kind and place
let shown = null;                      // what the server sent last
let at = null;                         // the kind and place where the person is
let since = 0;                         // when the server was asked, 0 while it is not
let marking = null;                    // null: as far as the two have words in common

const name = ({kind, place}) => `${kind} ${place}`;
const total = () => shown.kinds.find((one) => one.name === at.kind)?.number ?? 0;
const write = (selector, words) => {
  const node = find(selector);
  node.textContent = words ?? '';
  node.hidden = !words;
};

const take = () => {
  const next = props.value ? JSON.parse(props.value) : null;
  since = 0;
  if (next?.opening) at = null;
  if (next?.of !== shown?.of) {
    known.clear();
    at = null;
  }
  shown = next;
  find('.flips').hidden = !shown;
  if (!shown) return;
  for (const [place, pair] of shown.pairs) known.set(name({kind: shown.kind, place}), pair);
  at ??= {kind: shown.kind, place: shown.place};
  // A person may have gone on meanwhile.
  if (name(at) !== name(shown)) send();
  paint();
};
const send = () => {
  since = Date.now();
  trigger('look', {...at});
};
// What is known is shown at once. One request at a time: it brings the neighbours, and the address.
const go = (kind, place) => {
  at = {kind, place};
  paint();
  if (Date.now() - since > PATIENCE_MS) send();
};
const step = (by) => {
  const place = at.place + by;
  if (place >= 0 && place < total()) go(at.kind, place);
};

const paintKinds = () => {
  const buttons = shown.kinds.map(({name: kind, title, number}) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'go plain';
    button.dataset.kind = kind;
    button.textContent = `${title} ${whole.format(number)}`;
    button.disabled = number === 0;
    button.setAttribute('aria-pressed', String(kind === at.kind));
    return button;
  });
  const focused = document.activeElement?.closest?.('.flip-kinds') ? document.activeElement.dataset.kind : null;
  find('.flip-kinds').replaceChildren(...buttons);
  if (focused) find(`[data-kind="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
};
const marks = (pair) => marking ?? pair.alike;
const paintSide = (article, pair, side, kept) => {
  const verdict = article.querySelector('.verdict');
  verdict.className = `verdict ${side.right ? 'right' : 'wrong'}`;
  verdict.children[0].textContent = side.right ? '✓' : '✗';
  verdict.children[1].textContent = side.right ? fairWords`Right` : fairWords`Wrong`;
  article.querySelector('.name').textContent = side.student;
  const said = article.querySelector('.said');
  if (marks(pair)) paintDiff(said, pair.diff.filter(([kind]) => kind === 'same' || kind === kept));
  else paintSaid(said, side.pieces);
  article.querySelector('.how').textContent = side.how;
};
const paintPair = (pair) => {
  find('.marking').setAttribute('aria-pressed', String(marks(pair)));
  write('.number', fairWords`Question ${whole.format(pair.number)}`);
  write('.kind', pair.kind);
  write('.context', pair.context);
  write('.question', pair.question);
  const options = find('.options');
  options.replaceChildren(...pair.options.map((option) => {
    const item = document.createElement('li');
    item.textContent = option;
    return item;
  }));
  options.hidden = !pair.options.length;
  find('.gold').textContent = pair.gold;
  const [before, after] = element.querySelectorAll('article');
  paintSide(before, pair, pair.before, 'removed');
  paintSide(after, pair, pair.after, 'added');
};
const paint = () => {
  paintKinds();
  const none = total() === 0;
  for (const part of ['.flip', '.flip-steps', '.marking']) find(part).hidden = none;
  write('.none', none ? shown.none : '');
  if (none) return;
  find('.flip-place').textContent = fairWords`${whole.format(at.place + 1)} of ${whole.format(total())}`;
  find('.flip-steps .back').disabled = at.place === 0;
  find('.flip-steps .on').disabled = at.place + 1 >= total();
  const pair = known.get(name(at));
  find('.flip').toggleAttribute('aria-busy', !pair);
  if (pair) paintPair(pair);
};
const mark = () => {
  const pair = known.get(name(at));
  if (!pair) return;
  marking = !marks(pair);
  paintPair(pair);
};

find('.flip-steps .back').addEventListener('click', () => step(-1));
find('.flip-steps .on').addEventListener('click', () => step(1));
find('.marking').addEventListener('click', mark);
find('.flip-kinds').addEventListener('click', (event) => {
  const button = event.target.closest('[data-kind]');
  if (button) go(button.dataset.kind, 0);
});
const KEYS = {j: () => step(1), k: () => step(-1), d: mark};
const onKey = (event) => {
  if (!element.isConnected) {
    document.removeEventListener('keydown', onKey);
    return;
  }
  if (!shown || element.offsetParent === null || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.isContentEditable || target.closest('input, textarea, select, [role=listbox]')) return;
  const act = KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
};
document.addEventListener('keydown', onKey);
watch('value', take);
take();
