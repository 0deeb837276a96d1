// The card: one mistake and what the committee wrote about it; what is on the screen, the keys, and
// what follows from an answer. `review_asking.js` and the others stand before this file.
const HELD = 60;                       // cards that are kept, those seen or fetched last

let project = null;
let since = '';                        // when it began: another one may get its name and its ids
let here = null;                       // the question on the screen, or on its way there
let card = null;                       // its card; null while it is fetched
let chosen = 0;                        // the teacher that a, r, x, e, f and c are about
let rule = null;                       // the acceptance rule on the dial at this moment
let ruleSeen = '';                     // the one that the server had last
let latest = 0;                        // the latest decision that is known here
let me = '';
let reasons = [];
const cards = new Map();

const announce = (name, detail) => document.dispatchEvent(new CustomEvent(name, {detail}));

// ---- what comes from the server

const take = () => {
  if (!props.value) return;
  const answer = JSON.parse(props.value);
  const opening = answer.serial === null;
  if (opening && !isShown(answer)) begin(answer);
  if (isShown(answer)) learn(answer);
  if (opening) {
    if (answer.notice) tell(answer.notice);
    arrive({...answer, jump: true});
    askAgain();
  } else settle(answer);
};
// Whether an answer or a request is about the project on the screen; what failed is about none.
const isShown = (one) => one.project === project && one.since === since;
const begin = (answer) => {
  ({project, since} = answer);
  for (const known of [cards, opened, compared, writing]) known.clear();
  here = card = rule = null;
  ruleSeen = '';
  chosen = 0;
};
const learn = (answer) => {
  ({latest, me, reasons} = answer);
  const sent = JSON.stringify(answer.rule);
  if (sent !== ruleSeen) {
    const changedElsewhere = ruleSeen !== '';
    ruleSeen = sent;
    rule = answer.rule;
    if (changedElsewhere) announce('fair:board');
  }
  if (answer.board) {
    cards.clear();
    announce('fair:board');
  }
  if (answer.queue) takeQueue(answer.queue);
  const mine = answer.serial === asked?.serial && DECIDING.has(asked?.action);
  if (answer.card) remember(answer.card, mine);
  for (const one of answer.neighbours) remember(one, false);
  if (answer.sizes) paintKinds(answer.sizes);
  if (answer.preview) {
    previewed = answer.preview;
    paintPreview();
  }
};
const remember = (one, mine) => {
  cards.delete(one.question_id);
  cards.set(one.question_id, one);
  for (const id of cards.keys()) {
    if (cards.size <= HELD) break;
    cards.delete(id);
  }
  noteDone(one, mine);
  announce('fair:card', {
    question_id: one.question_id,
    columns: one.columns
      .map(({id, teacher, cell}, column) => ({rationale_id: id, teacher, column, cell}))
      .filter(({cell}) => cell)
      .map(({cell, ...rest}) => ({...rest, decided: cell.decided})),
  });
};
// Show what an answer brought: another card where it says so, else the one on the screen anew.
const arrive = (answer) => {
  const one = answer.card;
  if (answer.jump) {
    here = one?.question_id ?? null;
    if (!one) card = null;
  }
  if (one && one.question_id === here) paint(one);
  paintBar();
  paintEmpty();
  // Another queue has other neighbours: they are fetched when the card is on the screen.
  if (answer.queue && here && near(placeOf(here)).length) fetchCards();
};
const fetchCards = () => ask({action: 'move', beside: beside(), near: near(placeOf(here))});

// ---- what a person does

const show = (question) => {
  if (!question || question === here) {
    paintBar();
    return;
  }
  hush();
  here = question;
  const known = cards.get(question);
  if (known) paint(known);
  else {
    card = null;
    find('.review').setAttribute('aria-busy', 'true');
  }
  paintBar();
  paintEmpty();
  window.fairAddress(project, 'review', address(question));
  fetchCards();
};
// As `address` of review_requests.py: a reload finds the card also before the server has answered.
const address = (question) => [String(question),
  ...(list.search ? [list.name, list.search] : list.name === 'all' ? [] : [list.name])].join('.');
const step = (by) => {
  const place = placeOf(here);
  const next = place < 0 ? undecidedFrom(list.ids.length - 1) : place + by;
  show(list.ids[Math.max(0, Math.min(next, list.ids.length - 1))]);
};
const nextUndecided = () => {
  const place = undecidedFrom(Math.max(0, placeOf(here)));
  if (place < 0) say(fairWords`Everything in this queue is decided.`);
  else show(list.ids[place]);
};
const beside = () => {
  const place = placeOf(here);
  return list.ids[place + 1] ?? list.ids[place - 1] ?? 0;
};
const decide = (action, place = chosen) => {
  const one = card?.columns[place];
  if (!one?.id) return;
  if (!one.cell) {
    say(fairWords`${one.name}’s rationale is not judged, so there is only to comment.`);
    return;
  }
  const busyWith = pending().some(({rationale}) => rationale === one.id);
  const same = {accept: true, reject: false}[action];
  if (!busyWith && same !== undefined && one.cell.decided === same) return;
  if (!busyWith && action === 'reset' && !one.by) return;
  if (action === 'restore' && !one.diff) return;
  hush();
  ask({
    action,
    beside: beside(),
    rationale: one.id,
    revision: action === 'favourite' ? card.revision : one.revision,
  });
};
const gradeRight = () => {
  if (card) ask({action: 'grade', answer: card.answer_id, beside: beside()});
};
const undo = () => ask({action: 'undo', beside: beside()});
const redo = () => ask({action: 'redo', beside: beside()});
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
// The column that put the card into its queue and is not decided on, else the one chosen before.
const chooseFor = (one) => {
  const place = placeOf(one.question_id);
  if (place < 0 || list.name === 'all') return;
  const wanted = one.columns.map(({cell}, index) =>
    isWanted(place, index) && (cell?.decided ?? null) === null);
  if (!wanted[chosen] && wanted.includes(true)) chosen = wanted.indexOf(true);
};
const compare = (place = chosen) => {
  const one = card?.columns[place];
  if (!one?.diff) return;
  if (!compared.delete(one.id)) compared.add(one.id);
  repaint();
};
const unfoldReviews = () => {
  allOpen = !allOpen;
  opened.clear();
  kept.set('fair:reviews', allOpen);
  for (const one of element.querySelectorAll('details.peer')) one.open = allOpen;
};
const dial = () => {
  document.querySelector('#review-dial-fold [aria-expanded=false]')?.click();
  const slider = document.querySelector('#threshold input[type=range]');
  slider?.focus();
  slider?.scrollIntoView({block: 'center'});
};
const search = () => find('.search').select();
const showKeys = () => {
  const dialog = find('dialog.keys');
  if (dialog.open) dialog.close();
  else dialog.showModal();
};

const KEYS = {
  j: () => step(1),
  ArrowRight: () => step(1),
  k: () => step(-1),
  ArrowLeft: () => step(-1),
  n: nextUndecided,
  a: () => decide('accept'),
  r: () => decide('reject'),
  x: () => decide('reset'),
  e: () => edit(chosen),
  f: () => decide('favourite'),
  c: () => comment(chosen),
  g: gradeRight,
  d: () => compare(),
  v: unfoldReviews,
  u: undo,
  U: redo,
  y: redo,
  q: chooseQueue,
  b: previewAll,
  '/': search,
  t: dial,
  '?': showKeys,
};
const onKey = (event) => {
  if (!element.isConnected) {
    document.removeEventListener('keydown', onKey);
    return;
  }
  if (!project || element.offsetParent === null || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : document.body;
  const slider = target.matches('input[type=range]');
  if (slider && event.key === 'Escape') target.blur();
  // Forms and dialogs have keys of their own, and the arrows of a slider are the slider's.
  if (!slider && (target.isContentEditable || target.matches('input, textarea, select'))) return;
  if (slider && event.key.startsWith('Arrow')) return;
  if (target.closest('.writer, [role=listbox], [role=tablist], [role=radiogroup]')) return;
  const dialog = document.querySelector('dialog[open]');
  if (dialog && !(dialog === find('dialog.keys') && event.key === '?')
    && !(dialog === find('dialog.queues') && event.key === 'q')) return;
  const act = /^[1-9]$/.test(event.key) ? () => choose(Number(event.key) - 1, true) : KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
};
document.addEventListener('keydown', onKey);

const ACTS = {
  previous: () => step(-1),
  next: () => step(1),
  undo,
  redo,
  keys: showKeys,
  queues: chooseQueue,
  bulk: previewAll,
  grade: gradeRight,
  all: () => askQueue('all', ''),
  unsearch: () => askQueue(list.name, ''),
  edit: (place) => edit(place),
  comment: (place) => comment(place),
  compare: (place) => compare(place),
};
element.addEventListener('click', (event) => {
  const column = event.target.closest('.column');
  if (column) choose([...find('.columns').children].indexOf(column));
  const queue = event.target.closest('[data-queue]');
  if (queue) {
    find('dialog.queues').close();
    askQueue(queue.dataset.queue, list.search);
  }
  const all = event.target.closest('[data-all]');
  if (all) decideAll(all.dataset.all);
  const button = event.target.closest('[data-ask]');
  if (!button || !project) return;
  const act = ACTS[button.dataset.ask];
  if (act) act(chosen);
  else decide(button.dataset.ask);
});
element.addEventListener('toggle', (event) => {
  const key = event.target.dataset?.key;
  if (key) event.target.open ? opened.add(key) : opened.delete(key);
}, true);
const number = find('.place-number');
number.addEventListener('change', () => {
  if (Number.isInteger(number.valueAsNumber)) {
    show(list.ids[Math.max(0, Math.min(number.valueAsNumber, list.ids.length) - 1)]);
  }
  number.value = placeOf(here) + 1 || '';
});
number.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' || event.key === 'Escape') number.blur();
});
find('.search').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(onSearch, 300);
});
find('.search').addEventListener('keydown', onSearchKey);
find('dialog.queues').addEventListener('keydown', onQueueKey);
for (const dialog of element.querySelectorAll('dialog')) {
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
}

// ---- painting

const write = (selector, words) => {
  const node = find(selector);
  node.textContent = words ?? '';
  node.hidden = !words;
};
const paint = (one) => {
  const another = card?.question_id !== one.question_id;
  find('.review').removeAttribute('aria-busy');
  if (!another && JSON.stringify(card) === JSON.stringify(one)) return;
  card = one;
  write('.kind', one.kind);
  write('.said.context', one.context);
  write('.said.question', one.question);
  find('.number').textContent = whole.format(one.number);
  find('.options').replaceChildren(...one.options.map((option) => make('li', 'said', option)));
  find('.options').hidden = !one.options.length;
  find('.gold b').textContent = one.gold;
  find('.solution').hidden = !one.solution;
  if (another) find('.solution').open = false;
  find('.solution .said').textContent = one.solution;
  paintSaid(find('.said.wrong-answer'), one.answer);
  find('.read').textContent = one.how;
  reopenForms(one);
  if (another) chooseFor(one);
  repaint();
  const bar = find('.review').getBoundingClientRect();
  if (another && bar.top < 0) find('.review').scrollIntoView({block: 'start'});
};
// The columns again, with the focus where it was.
const repaint = () => {
  if (!card) return;
  const active = document.activeElement;
  const focus = active?.closest?.('.columns') ? active.dataset.focus : null;
  find('.columns').replaceChildren(...card.columns.map(column));
  badge();
  choose(Math.min(chosen, card.columns.length - 1));
  if (focus) find(`.columns [data-focus="${CSS.escape(focus)}"]`)?.focus({preventScroll: true});
};

// ---- what the dial says

const listen = (name, hear) => {
  const heard = (event) => {
    if (element.isConnected) hear(event.detail);
    else document.removeEventListener(name, heard);
  };
  document.addEventListener(name, heard);
};
listen('fair:rule', (now) => {
  rule = now;
  badge();
});
listen('fair:saved', (now) => {
  // What the server saved is known here, so its next answer is no news.
  ruleSeen = JSON.stringify(now);
  if (project && kindOf(list.name).ruled) askQueue(list.name, list.search, true);
});
listen('fair:go', ({question_id}) => {
  show(question_id);
  find('.review').scrollIntoView({block: 'start'});
});
watch('value', take);
take();
