// The card: one mistake and what the committee wrote about it. Every text here came from a model
// or a file, so it is painted with textContent and never becomes markup.
const NEVER = -1, ABSENT = -2;         // as in threshold.js
const PATIENCE_MS = 15000;
const find = (selector) => element.querySelector(selector);
const make = (tag, className = '', words = '') => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (words) node.textContent = words;
  return node;
};

let shown = null;                      // the card on the screen
let chosen = 0;                        // the teacher that a, r and x are about
let threshold = 3;
let project = null;
const cards = new Map();               // position: the newest card known of it
const opened = new Set();              // reviews that a person opened

// ---- asking the server: one request at a time, in the order of the person's doings

let serial = 0;
let asked = null;
let impatience = 0;
const waiting = [];

const ask = (request) => {
  if (request.action === 'move') {
    const last = waiting.at(-1);
    if (last?.action === 'move') waiting.pop();
  }
  waiting.push(request);
  if (!asked) send();
};
const send = () => {
  clearTimeout(impatience);
  asked = waiting.shift() ?? null;
  if (!asked) return;
  serial += 1;
  asked.serial = serial;
  impatience = setTimeout(() => {
    waiting.length = 0;
    asked = null;
    say('The server did not answer. Reload the page to see what is saved.', 'warning');
  }, PATIENCE_MS);
  trigger('ask', asked);
};
const settle = (answer) => {
  const card = answer.card;
  if (answer.serial !== asked?.serial) return;
  const mine = asked;
  if (mine.rationale && !answer.notice) {
    // A second decision about it, made before this answer came, follows on this one.
    const now = card.columns.find((column) => column.rationale_id === mine.rationale)?.revision;
    for (const next of waiting) if (next.rationale === mine.rationale) next.revision = now;
  }
  send();
  const elsewhere = [asked, ...waiting].some((next) => next?.action === 'move');
  if (!elsewhere) paint(card);
};

// ---- what comes from the server

const take = () => {
  const answer = props.value || {};
  if (!answer.card) return;
  if (answer.project !== project) {
    cards.clear();
    opened.clear();
    waiting.length = 0;
    asked = null;
    project = answer.project;
  }
  for (const card of [answer.card, ...answer.neighbours]) cards.set(card.position, card);
  threshold = answer.threshold;
  say(answer.notice?.text ?? '', answer.notice?.kind);
  if (answer.serial === null) paint(answer.card);
  else settle(answer);
  document.dispatchEvent(new CustomEvent('fair:card', {detail: {
    position: answer.card.position,
    total: answer.card.total,
    threshold,
    columns: answer.card.columns.map(({judged, mean, decided}) => ({
      mean: judged ? mean ?? NEVER : ABSENT,
      decided: judged ? decided : null,
    })),
  }}));
};

const say = (words, kind = 'info') => {
  const line = find('.review-notice');
  line.textContent = words;
  line.dataset.kind = kind;
  line.hidden = !words;
};

// ---- what a person does

const go = (position) => {
  if (!shown) return;
  position = Math.max(0, Math.min(position, shown.total - 1));
  if (position === shown.position) {
    find('.place-number').value = position + 1;
    return;
  }
  const known = cards.get(position);
  say('');
  if (known) paint(known);
  else {
    shown = {...shown, position};
    paintPlace();
    find('.review').setAttribute('aria-busy', 'true');
  }
  ask({action: 'move', position});
};
const decide = (action, place = chosen) => {
  const column = shown?.columns[place];
  if (find('.review').getAttribute('aria-busy') === 'true' || !column?.judged) return;
  ask({
    action,
    position: shown.position,
    rationale: column.rationale_id,
    revision: column.revision,
  });
};
const undo = () => ask({action: 'undo', position: shown.position});
const choose = (place, focus = false) => {
  const columns = [...find('.columns').children];
  if (!columns[place]) return;
  chosen = place;
  columns.forEach((column, index) => {
    column.classList.toggle('chosen', index === place);
    if (index === place) column.setAttribute('aria-current', 'true');
    else column.removeAttribute('aria-current');
  });
  if (focus) columns[place].focus();
};
const showKeys = () => {
  const dialog = find('dialog.keys');
  if (dialog.open) dialog.close();
  else dialog.showModal();
};

const KEYS = {
  j: () => go(shown.position + 1),
  ArrowRight: () => go(shown.position + 1),
  k: () => go(shown.position - 1),
  ArrowLeft: () => go(shown.position - 1),
  a: () => decide('accept'),
  r: () => decide('reject'),
  x: () => decide('reset'),
  u: undo,
  '?': showKeys,
};
const onKey = (event) => {
  if (!element.isConnected) {
    document.removeEventListener('keydown', onKey);
    return;
  }
  if (!shown || element.offsetParent === null || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  const slider = target.matches('input[type=range]');
  if (!slider && (target.isContentEditable || target.matches('input, textarea, select'))) return;
  // The arrows of a slider that has the focus are its own.
  if (slider && event.key.startsWith('Arrow')) return;
  if (find('dialog.keys').open && event.key !== '?') return;
  const act = /^[1-9]$/.test(event.key) ? () => choose(Number(event.key) - 1, true) : KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};
document.addEventListener('keydown', onKey);

element.addEventListener('click', (event) => {
  const column = event.target.closest('.column');
  if (column) choose([...find('.columns').children].indexOf(column));
  const button = event.target.closest('[data-ask]');
  if (!button || !shown) return;
  switch (button.dataset.ask) {
    case 'previous': go(shown.position - 1); break;
    case 'next': go(shown.position + 1); break;
    case 'undo': undo(); break;
    case 'keys': showKeys(); break;
    default: decide(button.dataset.ask);
  }
});
element.addEventListener('toggle', (event) => {
  const key = event.target.dataset?.key;
  if (key) event.target.open ? opened.add(key) : opened.delete(key);
}, true);
const number = find('.place-number');
number.addEventListener('change', () => {
  if (Number.isInteger(number.valueAsNumber)) go(number.valueAsNumber - 1);
  else if (shown) number.value = shown.position + 1;
});
number.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' || event.key === 'Escape') number.blur();
});

// ---- painting

const write = (selector, words) => {
  const node = find(selector);
  node.textContent = words ?? '';
  node.hidden = !words;
};
const paintPlace = () => {
  number.value = shown.position + 1;
  number.max = shown.total;
  find('.place-total').textContent = shown.total.toLocaleString('en-US');
  find('[data-ask=previous]').disabled = shown.position === 0;
  find('[data-ask=next]').disabled = shown.position === shown.total - 1;
};
const paint = (card) => {
  const focus = document.activeElement?.closest?.('.columns')
    ? document.activeElement.dataset.focus : null;
  const another = shown?.question_id !== card.question_id;
  shown = card;
  find('.review').removeAttribute('aria-busy');
  paintPlace();
  write('.kind', card.kind);
  write('.said.context', card.context);
  write('.said.question', card.question);
  find('.options').replaceChildren(...card.options.map((option) => make('li', 'said', option)));
  find('.options').hidden = !card.options.length;
  find('.gold b').textContent = card.gold;
  find('.solution').hidden = !card.solution;
  if (another) find('.solution').open = false;
  find('.solution .said').textContent = card.solution;
  const {before, read, after} = card.answer;
  find('.said.wrong-answer').replaceChildren(before, ...(read ? [make('mark', '', read)] : []), after);
  find('.read').textContent = card.answer.how;
  find('.columns').replaceChildren(...card.columns.map(column));
  badge();
  choose(Math.min(chosen, card.columns.length - 1));
  if (focus) find(`.columns [data-focus="${CSS.escape(focus)}"]`)?.focus({preventScroll: true});
  const bar = find('.review').getBoundingClientRect();
  if (another && bar.top < 0) find('.review').scrollIntoView({block: 'start'});
};

const column = (one, place) => {
  const node = make('article', 'column');
  node.tabIndex = -1;
  node.dataset.focus = `column ${place}`;
  const head = make('header');
  const title = make('h3');
  const key = make('kbd', '', String(place + 1));
  key.setAttribute('aria-hidden', 'true');
  title.append(key, make('span', 'name', one.teacher));
  if (one.label) title.append(make('span', 'tag', one.label));
  head.append(title);
  if (one.judged) {
    head.append(make('p', 'verdict-line'), buttons(one, place));
  } else {
    head.append(make('p', 'quiet', one.missing));
  }
  node.append(head, rationale(one), scores(one), feedback(one));
  return node;
};
const buttons = (one, place) => {
  const group = make('div', 'decide');
  group.setAttribute('role', 'group');
  group.setAttribute('aria-label', `Decide on ${one.teacher}'s rationale`);
  for (const [action, words, key] of
    [['accept', 'Accept', 'A'], ['reject', 'Reject', 'R'], ['reset', 'Reset', 'X']]) {
    const button = make('button', `go plain ${action}`, words);
    button.type = 'button';
    button.dataset.ask = action;
    button.dataset.focus = `${action} ${place}`;
    button.setAttribute('aria-keyshortcuts', key);
    if (action === 'reset') {
      button.disabled = !one.touched;
      button.title = 'Let the peers\' scores decide';
    } else {
      button.setAttribute('aria-pressed', String(one.decided === (action === 'accept')));
    }
    group.append(button);
  }
  return group;
};
const rationale = (one) => {
  const part = make('section', 'part');
  const title = make('h4', '', 'Rationale');
  if (one.edited) title.append(make('span', 'tag', 'edited'));
  part.append(title, make('p', 'said', one.rationale.trim() || '–'));
  if (one.correct !== null) {
    const check = make('p', `check ${one.correct ? 'right' : 'wrong'}`);
    const mark = make('i', '', one.correct ? '✓' : '✗');
    mark.setAttribute('aria-hidden', 'true');
    check.append(mark, `Final answer ${one.correct ? 'right' : 'wrong'}: `);
    if (one.prediction) check.append('read ', make('b', '', one.prediction));
    else check.append('none could be read');
    part.append(check);
  }
  return part;
};
const scores = (one) => {
  const part = make('section', 'part');
  part.append(make('h4', '', 'Peer review'));
  if (!one.scores.length) part.append(make('p', 'quiet', 'No peer has reviewed it.'));
  for (const peer of one.scores) {
    const key = `${one.rationale_id} ${peer.reviewer}`;
    const line = make(peer.text ? 'details' : 'div', 'peer');
    const head = make(peer.text ? 'summary' : 'p', 'peer-line');
    head.append(make('span', 'name', peer.reviewer),
      make('b', peer.counts ? '' : 'uncounted', peer.score));
    if (!peer.counts) head.append(make('small', '', 'not counted'));
    line.append(head);
    if (peer.text) {
      line.dataset.key = key;
      line.open = opened.has(key);
      line.append(make('p', 'said', peer.text));
    }
    part.append(line);
  }
  if (one.mean !== null) {
    const mean = make('p', 'peer-line mean');
    mean.append(make('span', 'name', 'mean'), make('b', '', one.mean.toFixed(2)));
    part.append(mean);
  }
  return part;
};
const feedback = (one) => {
  const part = make('section', 'part');
  part.append(make('h4', '', 'Feedback on the student\'s answer'));
  part.append(make('p', one.feedback ? 'said' : 'quiet', one.feedback.trim() || 'None was written.'));
  return part;
};

// Accepted or rejected, and why: by the threshold of this moment, also while its slider moves.
const reason = (one, byRule) => {
  const rule = one.mean === null ? 'no score counts'
    : `mean ${one.mean.toFixed(2)} is ${byRule ? '' : 'not '}above ${threshold.toFixed(1)}`;
  if (one.decided === null) return rule;
  return one.mean === null ? 'by a person' : `by a person, mean ${one.mean.toFixed(2)}`;
};
const badge = () => {
  [...find('.columns').children].forEach((node, place) => {
    const one = shown.columns[place];
    if (!one.judged) return;
    const byRule = one.mean !== null && one.mean > threshold;
    const accepted = one.decided ?? byRule;
    node.classList.toggle('accepted', accepted);
    node.classList.toggle('rejected', !accepted);
    node.setAttribute('aria-label', `${one.teacher}: ${accepted ? 'accepted' : 'rejected'}`);
    const mark = make('i', '', accepted ? '✓' : '✗');
    mark.setAttribute('aria-hidden', 'true');
    const word = make('b', 'badge');
    word.append(mark, accepted ? 'Accepted' : 'Rejected');
    node.querySelector('.verdict-line').replaceChildren(word, make('span', 'quiet', reason(one, byRule)));
  });
};
const onThreshold = (event) => {
  if (!element.isConnected) document.removeEventListener('fair:threshold', onThreshold);
  else if (shown) {
    threshold = event.detail;
    badge();
  }
};
document.addEventListener('fair:threshold', onThreshold);
watch('value', take);
take();
