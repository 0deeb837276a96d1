// Asking the server: one request at a time, in the order of the person's doings. What a person
// decided stays in an outbox, which a reload does not empty, until the server has answered; what is
// asked again says so, and the server does it once all the same.
const find = (selector) => element.querySelector(selector);
const make = (tag, className = '', words = '') => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (words) node.textContent = words;
  return node;
};

const PATIENCE_MS = 15000;             // until the person is told that the server is slow
const AGAIN_MS = 45000;                // longer than the server waits for its turn to write
const HUSH_MS = 6000;                  // how long a warning stands at least
const DECIDING = new Set(['accept', 'reject', 'reset', 'edit', 'restore', 'favourite', 'comment',
  'grade', 'undo', 'redo', 'reasons', 'decide-all']);

// What this tab of the browser remembers, or this page alone where it may not store anything.
const remembered = new Map();
const kept = {
  get: (key) => {
    try { return JSON.parse(sessionStorage.getItem(key)); } catch { return remembered.get(key) ?? null; }
  },
  set: (key, value) => {
    remembered.set(key, value);
    try {
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, JSON.stringify(value));
    } catch { /* No storage, or a full one: the page remembers. */ }
  },
};

let serial = Date.now() % 1e9;
let asked = null;                      // what the server is doing
let held = false;                      // it could not be done, and waits for the person
let impatience = 0;
const waiting = [];

const pending = () => [asked, ...waiting].filter(Boolean);
const keepOutbox = () => {
  const decisions = pending().filter(({action}) => DECIDING.has(action));
  kept.set('fair:outbox', decisions.length ? decisions : null);
  find('.review').toggleAttribute('data-saving', decisions.length > 0);
};

// Of several moves and queues that wait, the last counts.
const ask = (request) => {
  if (DECIDING.has(request.action) && document.body.dataset.role === 'viewer') {
    say(fairWords`Only a curator or an owner may decide, and you may look.`, 'warning');
    return;  // the server would refuse it
  }
  const last = waiting.at(-1);
  if (['move', 'queue'].includes(request.action) && last?.action === request.action) waiting.pop();
  const place = {queue: list.name, search: list.search, question: here ?? 0};
  // Half a character, which a cut text may end with, cannot be stored.
  const {value} = request;
  const whole = typeof value === 'string' ? {value: value.toWellFormed()} : {};
  waiting.push({project, since, ...place, ...request, ...whole});
  keepOutbox();
  if (!asked && !held) send();
};
const send = () => {
  clearTimeout(impatience);
  held = false;
  asked = waiting.shift() ?? null;
  keepOutbox();
  if (!asked) return;
  serial += 1;
  asked.serial = serial;
  if (asked.after === undefined) asked.after = latest;
  else asked.again = true;
  keepOutbox();
  impatience = setTimeout(slow, PATIENCE_MS);
  const request = {...asked};
  // Asking takes Gradio some time in the browser: what is held here is painted before.
  if (asked.action === 'move' && card) afterPaint(() => trigger('ask', request));
  else trigger('ask', request);
};
const afterPaint = (act) => {
  let done = false;
  const once = () => {
    if (!done) act();
    done = true;
  };
  requestAnimationFrame(() => setTimeout(once));
  // A page that nobody sees is not painted.
  setTimeout(once, 50);
};
const waitingDecisions = () => {
  const number = pending().filter(({action}) => DECIDING.has(action)).length;
  if (!number) return '';
  return number === 1 ? fairWords` Your decision is kept here until it is saved.`
    : fairWords` Your ${number} decisions are kept here until they are saved.`;
};
const slow = () => {
  slowly = true;
  say(fairWords`The server has not answered yet.` + waitingDecisions(), 'warning');
  impatience = setTimeout(() => hold(fairWords`The server does not answer.` + waitingDecisions()),
    AGAIN_MS - PATIENCE_MS);
};
let slowly = false;

// What could not be done stands first in line, and waits for a word.
const hold = (words) => {
  clearTimeout(impatience);
  const stuck = asked;
  waiting.unshift(stuck);
  asked = null;
  held = true;
  keepOutbox();
  const drop = () => {
    if (waiting[0] === stuck) waiting.shift();
    decided(stuck, {card: null}, true);
    say('');
    send();
  };
  say(words, 'warning', [[fairWords`Try again`, send],
    [DECIDING.has(stuck.action) ? fairWords`Drop it` : fairWords`Leave it`, drop]]);
};

// The answer to what was asked; an older one says nothing any more.
const settle = (answer) => {
  if (answer.serial !== asked?.serial) return;
  if (answer.failed) {
    hold(answer.notice.text);
    return;
  }
  const done = asked;
  const refused = answer.notice?.kind === 'warning';
  if (slowly) say('');
  slowly = false;
  if (answer.notice) tell(answer.notice);
  if (!refused && done.rationale && answer.card) follow(done, answer);
  decided(done, answer, refused);
  send();
  const elsewhere = pending().some(({action}) => action === 'move' || action === 'queue');
  if (isShown(answer) && !elsewhere) arrive(answer);
};

// A second decision about it, made before this answer came, follows on this one.
const follow = (done, answer) => {
  const column = answer.card.columns.find(({id}) => id === done.rationale);
  for (const next of waiting) {
    if (next.question !== done.question) continue;
    if (next.action === 'favourite') {
      if (done.action === 'favourite') next.revision = answer.card.revision;
    } else if (next.rationale === done.rationale) next.revision = answer.revision ?? column?.revision;
  }
};

// What was decided before the page was loaded anew, and not answered.
let resent = false;
const askAgain = () => {
  if (resent) return;
  resent = true;
  const left = kept.get('fair:outbox');
  if (!Array.isArray(left)) return;
  waiting.push(...left);
  if (!asked) send();
};

// ---- a line about what became of it

let noticed = 0;
const say = (words, kind = 'info', acts = []) => {
  const line = find('.review-notice');
  line.dataset.kind = kind;
  line.hidden = !words;
  noticed = Date.now();
  line.replaceChildren(make('span', '', words), ...acts.map(([label, act]) => {
    const button = make('button', 'go link', label);
    button.type = 'button';
    button.addEventListener('click', act);
    return button;
  }));
};
const tell = ({text, kind, undo: offer}) => say(text, kind, offer ? [[fairWords`Undo`, undo]] : []);
// Going on takes an old line away, but not a warning that nobody can have read yet.
const hush = () => {
  const line = find('.review-notice');
  if (line.hidden || held) return;
  if (line.dataset.kind !== 'warning' || Date.now() - noticed > HUSH_MS) say('');
};
