// The dial: what the controls say is the rule at this moment, and its consequences are painted
// while they move. Releasing one commits the rule; the server has the last word.
const find = (selector) => element.querySelector(selector);
const slider = find('#threshold-slider');

let loaded = null;                     // what the server sent
let board = null;                      // the same, unpacked
let rule = null;                       // what the controls say
let before = null;                     // the rule before the last change
let gesture = null;                    // the control whose movements count as one change
let rows = [];                         // the nodes of each teacher

const make = (tag, className = '', words = '') => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (words) node.textContent = words;
  return node;
};
const button = (className, words, press) => {
  const node = make('button', className, words);
  node.type = 'button';
  node.addEventListener('click', press);
  return node;
};
const announce = (name, detail) => document.dispatchEvent(new CustomEvent(name, {detail}));

// ---- what comes from the server

const load = () => {
  const sent = props.value || {};
  if (!sent.teachers || sent === loaded) return;
  const other = sent.questions !== loaded?.questions;
  const held = !other && (pending || gesture);
  loaded = sent;
  board = unpack(sent);
  if (!held && (other || !sameRule(rule, sent.rule))) {
    rule = copyRule(sent.rule);
    before = copyRule(rule);
  }
  if (other) {
    // What another project's dial had on its way is no longer waited for.
    clearTimeout(pending?.patience);
    clearTimeout(asked?.patience);
    pending = asked = gesture = null;
    say('');
    tell('');
    find('.flips').open = false;
  }
  layOutTeachers();
  show({redraw: true});
  announce('fair:rule', copyRule(rule));
};

let reloading = false, stale = false;
const reload = () => {
  stale = reloading;
  if (reloading) return;
  reloading = true;
  setTimeout(() => {
    reloading = false;
    if (stale) reload();
  }, 3000);
  trigger('reload');
};

// A card shows its decisions: what changed there changes here.
const onCard = ({detail}) => {
  if (!board) return;
  const width = board.columns.length;
  const start = (board.row.get(detail.question_id) ?? NaN) * width;
  let known = !Number.isNaN(start), changed = false;
  for (const {rationale_id, column, teacher, decided} of known ? detail.columns : []) {
    const cell = start + column, its = board.teachers[board.columns[column]] === teacher;
    if (!its || board.kind[cell] === ABSENT) {
      known &&= its && decided === null;
      continue;
    }
    known &&= rationale_id !== null;
    const word = decided === null ? NOBODY : Number(decided);
    changed ||= word !== board.decided[cell];
    board.decided[cell] = word;
  }
  if (!known) reload();
  else if (changed) show({redraw: true});
};

// ---- consequences

const write = (name, words) => { find(`[data-count="${name}"]`).textContent = words; };
const share = (name, right, of) => {
  write(name, percent(right, of));
  write(`${name}_of`, of ? fairWords`of ${whole.format(of)}` : fairWords`none`);
  const [low, high] = of ? wilson(right, of) : [];
  const ends = of ? fairWords`${(100 * low).toFixed(1)} to ${percent(high, 1)} (95 % interval)` : '';
  write(`${name}_range`, ends.replace(/(?<=\(.*) /g, '\u00a0'));
};

// `redraw`: more than the common threshold changed, so that the curve is another one too.
const show = ({redraw = false} = {}) => {
  const found = tally(board, rule, before);
  const at = asThreshold(rule.threshold);
  if (Number(slider.value) !== rule.threshold) slider.value = rule.threshold;
  slider.style.setProperty('--filled', `${rule.threshold * 20}%`);
  slider.setAttribute('aria-valuetext',
    fairWords`${at}: ${found.accepted} of ${found.rationales} rationales accepted`);
  write('accepted', whole.format(found.accepted));
  write('rationales', fairWords`of ${whole.format(found.rationales)}`);
  write('questions_accepted', whole.format(found.questions_accepted));
  write('questions', fairWords`of ${whole.format(found.questions)}`);
  share('kept', found.kept, found.kept_of);
  share('rejected', found.rejected, found.rejected_of);
  for (const [name, part, of] of [
    ['right', found.kept, found.kept_of],
    ['rationales', found.accepted, found.rationales],
    ['questions', found.questions_accepted, found.questions],
  ]) find(`[data-share="${name}"]`).textContent = percent(part, of);
  find('.learning').textContent = learning(found, loaded);
  rows.forEach((row, teacher) => row.show(...found.per_teacher[teacher]));
  for (const [name, {threshold}] of [['present', rule], ['before', before]]) {
    const line = find(`line.${name}`);
    line.setAttribute('x1', threshold * 200);
    line.setAttribute('x2', threshold * 200);
  }
  if (redraw) drawCurve();
  if (redraw) showConditions();
  showChange(found);
  // Last, so that what is on the screen is of this threshold when it stands there.
  find('.dial-value').textContent = at;
};

// Both shares at every position of the slider, and how right the accepted ones are there.
const drawCurve = () => {
  const found = curve(board, rule);
  const y = (value) => (98 - 96 * value).toFixed(2);
  const path = (values) => values.map((value, step) => (
    step ? `H${step * 20}V${y(value)}` : `M0 ${y(value)}`)).join('');
  const draw = (name, d) => find(`path.${name}`).setAttribute('d', d);
  const of = (part, all) => found[part].map((count) => count / Math.max(1, all));
  draw('rationales', path(of('accepted', found.rationales)));
  draw('questions', path(of('questions_accepted', found.questions)));
  // Where nothing graded is kept any more, the line ends.
  const right = found.kept_of.filter(Boolean).map((graded, step) => found.kept[step] / graded);
  const ends = right.map((_, step) => wilson(found.kept[step], found.kept_of[step]));
  const back = ends.map(([low], step) => `V${y(low)}H${step * 20}`).reverse().join('');
  draw('right', path(right));
  draw('band', right.length ? path(ends.map(([, high]) => high)) + back + 'Z' : '');
};

// ---- what the last change flips

const onlyThreshold = () => sameRule({...before, threshold: rule.threshold}, rule);
const showChange = ({more, fewer}) => {
  const still = sameRule(rule, before);
  const than = onlyThreshold() ? fairWords`at ${asThreshold(before.threshold)}` : fairWords`before`;
  const flipped = flippedWords(more, fewer);
  find('.flips summary').textContent = still ? fairWords`Nothing changed yet`
    : flipped ? fairWords`${flipped} than ${than}` : fairWords`The same are accepted as ${than}`;
  find('.flips').classList.toggle('none', !flipped);
  find('.back').style.visibility = still ? 'hidden' : '';
  find('.back').textContent =
    onlyThreshold() ? fairWords`Back to ${asThreshold(before.threshold)}` : fairWords`Undo this change`;
  find('line.before').style.visibility = before.threshold === rule.threshold ? 'hidden' : '';
  listFlips();
};

// At most 50 a list, and those only where a person looks at them, once a frame.
const LISTED = 50;
let listing = false;
const listFlips = () => {
  if (listing || !find('.flips').open) return;
  listing = true;
  requestAnimationFrame(() => {
    listing = false;
    const found = flips(board, rule, before);
    find('.flip-lists').replaceChildren(
      ...flipList(fairWords`Newly accepted`, found.accepted),
      ...flipList(fairWords`Newly rejected`, found.rejected));
  });
};
const flipList = (title, flipped) => {
  if (!flipped.length) return [];
  const section = make('section'), list = make('ul');
  section.append(make('h4', '', `${title}: ${whole.format(flipped.length)}`), list);
  for (const {teacher, row, mean} of flipped.slice(0, LISTED)) {
    const threshold = thresholdOf(teacher, rule);
    const words = fairWords`Question ${whole.format(row + 1)}, ${teacher}`;
    const item = button('flip', words, () => announce('fair:go', {question_id: board.questions[row]}));
    item.append(make('small', '', fairWords`mean ${asMean(mean, threshold)}`));
    list.append(make('li'));
    list.lastChild.append(item);
  }
  if (flipped.length > LISTED) {
    section.append(make('p', 'quiet', fairWords`and ${whole.format(flipped.length - LISTED)} more`));
  }
  return [section];
};

// ---- what a person does

// The movements of one control are one change, until it is left.
const change = (control, apply, {redraw = true} = {}) => {
  if (gesture !== control) before = copyRule(rule);
  gesture = control;
  apply();
  // What was advised stays true while the common threshold alone moves.
  if (redraw) tell('');
  show({redraw});
  announce('fair:rule', copyRule(rule));
};
const range = (control, apply, how) => {
  control.addEventListener('input', () => change(control, () => apply(Number(control.value)), how));
  control.addEventListener('change', commit);
  // After dragging, the arrow keys are the card's again; who came by keyboard keeps the slider.
  control.addEventListener('pointerup', () => control.blur());
};

const layOutTeachers = () => {
  rows = board.teachers.map((name) => {
    const row = make('tr'), head = make('th', '', name), share = make('td', 'share');
    const bar = make('span', 'bar');
    head.scope = 'row';
    bar.append(make('i'));
    share.append(bar);
    const cell = make('td', 'own'), own = make('input'), shown = make('output');
    Object.assign(own, {type: 'range', min: 0, max: 5, step: 0.1});
    own.setAttribute('aria-label', fairWords`Threshold of ${name}`);
    const setOwn = (value) => { rule.per_teacher = {...rule.per_teacher, [name]: value}; };
    range(own, setOwn);
    const set = button('go link', fairWords`set its own`, () => {
      change(set, () => setOwn(rule.threshold));
      commit();
      own.focus();
    });
    const common = button('go link', fairWords`common`, () => {
      change(common, () => { delete rule.per_teacher[name]; });
      commit();
      set.focus();
    });
    set.setAttribute('aria-description', fairWords`Set a threshold for ${name} alone`);
    common.setAttribute('aria-description', fairWords`Take the common threshold for ${name}`);
    cell.append(set, own, shown, common);
    row.append(head, make('td'), share, cell);
    row.show = (accepted, all) => {
      row.children[1].textContent = fairWords`${whole.format(accepted)} of ${whole.format(all)}`;
      bar.firstChild.style.width = (all ? 100 * accepted / all : 0) + '%';
      const has = ownThreshold(name, rule);
      row.classList.toggle('apart', has);
      set.hidden = has;
      for (const node of [own, shown, common]) node.hidden = !has;
      if (!has) return;
      const threshold = rule.per_teacher[name];
      if (Number(own.value) !== threshold) own.value = threshold;
      own.style.setProperty('--filled', `${threshold * 20}%`);
      own.setAttribute('aria-valuetext', fairWords`${asThreshold(threshold)}: ${accepted} of ${all} accepted`);
      shown.textContent = asThreshold(threshold);
    };
    return row;
  });
  find('.by-teacher tbody').replaceChildren(...rows);
};

const showConditions = () => {
  find('.conditions summary span').textContent = conditionWords(rule);
  find('.min-scores').textContent = rule.min_scores;
  find('.less').disabled = rule.min_scores <= 1;
  // Every other teacher gives a score.
  find('.greater').disabled = rule.min_scores >= loaded.peers;
  for (const name of ['answer_check', 'adjusted']) find(`[name="${name}"]`).checked = rule[name];
};
for (const [name, step] of [['.less', -1], ['.greater', 1]]) {
  find(name).addEventListener('click', () => {
    change(find('.stepper'), () => { rule.min_scores += step; });
    commit();
  });
}
for (const name of ['answer_check', 'adjusted']) {
  const box = find(`[name="${name}"]`);
  box.addEventListener('change', () => {
    change(box, () => { rule[name] = box.checked; });
    commit();
  });
}
const setThreshold = (threshold) => {
  gesture = null;
  change(find('.suggest'), () => { rule.threshold = threshold; }, {redraw: false});
  gesture = null;
  commit();
};
find('.back').addEventListener('click', () => {
  const was = before;
  gesture = null;
  change(find('.back'), () => { rule = copyRule(was); });
  gesture = null;
  commit();
});

// ---- saving

// One rule is on its way at a time, and then the newest: Gradio's `always_last` would send the data
// of an older event again.
const PATIENCE_MS = 15000;
const say = (words) => { find('.dial-state').textContent = words; };
let serial = 0, pending = null, again = false;
const commit = () => {
  if (document.body.dataset.role === 'viewer') {
    say(fairWords`Not saved: you may look.`);  // the server would refuse it
    return;
  }
  say(fairWords`Saving…`);
  again = Boolean(pending);
  if (pending) return;
  serial += 1;
  pending = {
    serial,
    patience: setTimeout(() => {
      pending = null;
      say(fairWords`The server did not answer: move the slider again.`);
    }, PATIENCE_MS),
  };
  trigger('commit', {rule: copyRule(rule), serial});
};

// What the server saved and counted; when it counts otherwise, the scores here are old.
const settle = () => {
  const answer = props.saved;
  if (!answer || answer.serial !== pending?.serial) return;
  clearTimeout(pending.patience);
  pending = null;
  if (again) {
    commit();
    return;
  }
  if (answer.fault) {
    gesture = null;
    say(answer.fault);
    reload();
    return;
  }
  say(fairWords`Saved`);
  announce('fair:saved', answer.rule);
  const found = tally(board, answer.rule, before);
  if (Object.entries(answer.counts).some(([name, count]) => found[name] !== count)) reload();
};

// ---- asking for a threshold

let request = 0, asked = null;
const tell = (words, threshold = null) => {
  find('.advice').textContent = words;
  const take = find('.take');
  take.hidden = threshold === null;
  take.textContent = threshold === null ? '' : fairWords`Set ${asThreshold(threshold)}`;
  take.value = threshold ?? '';
};
const suggest = () => {
  const aim = Number(find('.aim').value);
  if (!(aim > 0 && aim <= 100)) {
    tell(fairWords`Give a percentage up to 100.`);
    return;
  }
  request += 1;
  clearTimeout(asked?.patience);
  asked = {serial: request, aim, rule: copyRule(rule), patience: setTimeout(() => {
    asked = null;
    tell(fairWords`The server did not answer: ask again.`);
  }, PATIENCE_MS)};
  tell(fairWords`Looking…`);
  trigger('suggest', {at_least: aim / 100, rule: copyRule(rule), serial: request});
};
const advise = () => {
  const answer = props.suggestion;
  if (!answer || answer.serial !== asked?.serial) return;
  const {aim, rule: about, patience} = asked;
  clearTimeout(patience);
  asked = null;
  if (answer.fault) {
    tell(answer.fault);
    return;
  }
  // Who moved something meanwhile has gone on.
  if (!sameRule(rule, about)) {
    tell('');
    return;
  }
  const {threshold, accepted: count, right, graded} = answer, at = asThreshold(threshold);
  if (!answer.reached) {
    tell(fairWords`No threshold reaches ${aim} %: ${at} comes closest with ${percent(right, graded)}.`,
      threshold === rule.threshold ? null : threshold);
    return;
  }
  if (threshold !== rule.threshold) setThreshold(threshold);
  tell(fairWords`${at} keeps ${fairCount(count, 'rationale')}, ${percent(right, graded)} right.`);
};
find('.ask').addEventListener('click', suggest);
find('.aim').addEventListener('keydown', (event) => { if (event.key === 'Enter') suggest(); });
find('.take').addEventListener('click', ({target}) => setThreshold(Number(target.value)));

range(slider, (value) => { rule.threshold = value; }, {redraw: false});
find('.flips').addEventListener('toggle', listFlips);
element.addEventListener('focusout', () => { gesture = null; });
for (const [name, act] of [['fair:card', onCard], ['fair:board', reload]]) {
  const listen = (event) => {
    if (element.isConnected) act(event);
    else document.removeEventListener(name, listen);
  };
  document.addEventListener(name, listen);
}
watch('value', load);
watch('saved', settle);
watch('suggestion', advise);
load();
