// The queue: which questions come one after the other, how far the person is, search, and deciding
// on all of it at once. KINDS, the queues that there are, stands before this file.
const whole = new Intl.NumberFormat('en-US');
const AHEAD = 4;                       // cards that are fetched before they are asked for
const PACE_FROM = 3;                   // cards decided before a pace is worth saying
const PACE_OF = 40;
const PAUSE_MS = 300000;               // a longer time between two decisions was a pause

let list = {name: 'all', search: '', ids: [], columns: [], decided: [], where: new Map()};
const kindOf = (name) => KINDS.find((kind) => kind.name === name);

const takeQueue = (queue) => {
  const numbers = (joined) => (joined ? joined.split(',').map(Number) : []);
  const ids = numbers(queue.ids);
  list = {
    name: queue.name,
    search: queue.search,
    ids,
    columns: numbers(queue.columns),
    decided: [...queue.decided].map((mark) => mark === '1'),
    where: new Map(ids.map((id, place) => [id, place])),
  };
};
// Whether a column of a card put it into the queue: a bit of a number that may have more than 32.
const isWanted = (place, column) => Math.floor(list.columns[place] / 2 ** column) % 2 === 1;
const placeOf = (question) => list.where.get(question) ?? -1;

// Whether a person is done with a card: decided on all that put it into the queue, or a favourite.
const isDone = (one, place) => {
  if (one.favourite !== null) return true;
  const wanted = one.columns.filter((_, index) => isWanted(place, index));
  return wanted.length > 0 && wanted.every(({cell}) => cell && cell.decided !== null);
};
const noteDone = (one, mine) => {
  const place = placeOf(one.question_id);
  if (place < 0) return;
  const done = isDone(one, place);
  if (done && !list.decided[place] && mine) notePace();
  list.decided[place] = done;
};
const undecidedFrom = (place) => {
  for (let step = 1; step <= list.ids.length; step++) {
    const next = (place + step) % list.ids.length;
    if (!list.decided[next]) return next;
  }
  return -1;
};
// What the person is likely to look at next, less what is held here.
const near = (place) => {
  const wanted = [];
  for (let step = 1; step <= AHEAD; step++) wanted.push(list.ids[place + step]);
  wanted.push(list.ids[place - 1], list.ids[undecidedFrom(place)]);
  return [...new Set(wanted)].filter((id) => id !== undefined && !cards.has(id));
};

// ---- the pace: the median time between two cards that the person decided

const notePace = () => {
  const pace = kept.get('fair:pace') ?? {last: 0, times: []};
  const now = Date.now();
  if (pace.last && now - pace.last < PAUSE_MS) pace.times = [...pace.times, now - pace.last].slice(-PACE_OF);
  pace.last = now;
  kept.set('fair:pace', pace);
};
const timeLeft = (left) => {
  const times = (kept.get('fair:pace')?.times ?? []).toSorted((one, other) => one - other);
  if (times.length + 1 < PACE_FROM || !left) return '';
  const middle = times.length >> 1;
  const median = times.length % 2 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
  const minutes = left * median / 60000;
  if (minutes < 1) return fairWords`less than a minute left at your pace`;
  const time = minutes < 100 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
  return fairWords`about ${time} left at your pace`;
};

// ---- the bar

const paintBar = () => {
  const place = placeOf(here);
  const total = list.ids.length;
  const number = find('.place-number');
  const kind = kindOf(list.name);
  find('.queue-title').textContent = kind.title;
  find('.queue-title').title = kind.about;
  if (document.activeElement !== number) number.value = place < 0 ? '' : place + 1;
  number.max = total;
  number.placeholder = '–';
  find('.place-total').textContent = whole.format(total);
  const done = list.decided.filter(Boolean).length;
  const outside = here && place < 0 ? (total ? fairWords`this one is not in the queue` : '') : '';
  find('.progress').textContent =
    [outside, total ? `${whole.format(done)} decided` : '', timeLeft(total - done)].filter(Boolean).join(' · ');
  find('.queue-bar i').style.width = `${total ? 100 * done / total : 0}%`;
  find('[data-ask=previous]').disabled = total === 0 || place === 0;
  find('[data-ask=next]').disabled = total === 0 || place === total - 1;
  const search = find('.search');
  if (document.activeElement !== search) search.value = list.search;
};
const paintEmpty = () => {
  const nothing = !here && !list.ids.length;
  find('.review').classList.toggle('nothing', nothing);
  if (!nothing) return;
  const {title, about: what} = kindOf(list.name);
  const about = list.search ? fairWords`No question of this queue has these words.`
    : list.name === 'undecided'
      ? fairWords`Everything is decided: the student can learn from what you kept.`
      : fairWords`No question is in “${title}”: ${what}.`;
  find('.empty p').textContent = about;
  find('.empty [data-ask=unsearch]').hidden = !list.search;
  find('.empty [data-ask=all]').hidden = list.name === 'all';
  find('.empty [data-go]').hidden = list.search !== '' || list.name !== 'undecided';
};

// ---- choosing a queue

const askQueue = (name, search, stay = false) => {
  hush();
  ask({action: 'queue', queue: name, search, stay});
};
const chooseQueue = () => {
  const dialog = find('dialog.queues');
  if (dialog.open) {
    dialog.close();
    return;
  }
  paintKinds(null);
  dialog.showModal();
  dialog.querySelector('[aria-current]')?.focus();
  ask({action: 'sizes'});
};
const paintKinds = (sizes) => {
  const rows = find('dialog.queues ul');
  const focus = rows.contains(document.activeElement) ? document.activeElement.dataset.queue : null;
  rows.replaceChildren(...KINDS.map((kind) => {
    const button = make('button');
    button.type = 'button';
    button.dataset.queue = kind.name;
    if (kind.name === list.name) button.setAttribute('aria-current', 'true');
    const words = make('span');
    words.append(make('b', '', kind.title), make('small', '', kind.about));
    button.append(words, make('span', 'size', sizes ? whole.format(sizes[kind.name] ?? 0) : ''));
    const row = make('li');
    row.append(button);
    return row;
  }));
  if (focus) rows.querySelector(`[data-queue="${focus}"]`)?.focus();
};
const onQueueKey = (event) => {
  const all = [...find('dialog.queues ul').querySelectorAll('button')];
  const at = all.indexOf(document.activeElement);
  const step = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1}[event.key];
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  all[(at + step + all.length) % all.length].focus();
};

// ---- search

let typing = 0;
const onSearch = () => {
  clearTimeout(typing);
  const words = find('.search').value;
  if (words.trim() === list.search.trim()) return;
  // Who takes the words away stays where they are.
  askQueue(list.name, words, !words.trim());
};
const onSearchKey = (event) => {
  if (event.key === 'Enter') {
    onSearch();
    find('.search').blur();
  } else if (event.key === 'Escape') {
    event.preventDefault();
    find('.search').value = list.search;
    find('.search').blur();
  }
};

// ---- all of a queue at once

let previewed = null;
const previewAll = () => {
  previewed = null;
  paintPreview();
  const dialog = find('dialog.bulk');
  if (!dialog.open) dialog.showModal();
  ask({action: 'preview'});
};
const decideAll = (verb) => {
  if (!previewed?.rationales) return;
  ask({action: 'decide-all', verb, mark: previewed.mark});
  find('dialog.bulk').close();
};
const paintPreview = () => {
  const dialog = find('dialog.bulk');
  const found = previewed;
  const {title} = kindOf(list.name);
  dialog.querySelector('h3').textContent = list.search
    ? fairWords`All of “${title}” with “${list.search}”` : fairWords`All of “${title}”`;
  const none = found && !found.rationales;
  const sum = () => {
    const rationales = fairCount(found.rationales, 'rationale');
    const questions = fairCount(found.questions, 'question');
    const [right, graded] = [whole.format(found.right), whole.format(found.graded)];
    return fairWords`${rationales} on ${questions}; ` + (found.graded
      ? fairWords`${right} of ${graded} end in the right answer.` : fairWords`no final answer was graded.`);
  };
  const words = !found ? fairWords`Looking…`
    : none ? fairWords`Nobody has to decide on anything here any more.` : sum();
  dialog.querySelector('.sum').textContent = words;
  dialog.querySelector('.rest').textContent = !found?.decided ? ''
    : fairCount(found.decided, 'rationale that a person decided on stays as decided.',
      'rationales that a person decided on stay as decided.');
  dialog.querySelector('table').hidden = !found?.rationales;
  const more = (found?.rationales ?? 0) - (found?.sample.length ?? 0);
  dialog.querySelector('.more').textContent = more > 0 ? fairWords`and ${whole.format(more)} more` : '';
  dialog.querySelector('tbody').replaceChildren(...(found?.sample ?? []).map((one) => {
    const row = make('tr');
    const answer = one.right === null ? fairWords`not graded`
      : one.right ? `✓ ${fairWords`right`}` : `✗ ${fairWords`wrong`}`;
    for (const [cell, name] of [[fairWords`Question ${one.number}`], [one.teacher],
      [one.mean === null ? '–' : one.mean.toFixed(2), 'n'],
      [answer, one.right === null ? '' : one.right ? 'right' : 'wrong'],
      [one.by_rule ? fairWords`accepted` : fairWords`rejected`]]) row.append(make('td', name ?? '', cell));
    return row;
  }));
  for (const verb of ['accept', 'reject']) {
    const button = dialog.querySelector(`[data-all=${verb}]`);
    button.disabled = !found?.rationales;
    const number = found?.rationales ? ` ${whole.format(found.rationales)}` : '';
    button.textContent = (verb === 'accept' ? fairWords`Accept` : fairWords`Reject`) + number;
  }
};
