// Painting the columns: what each teacher wrote, its scores, and what was decided. All texts came
// from models, files or people: they are painted as text and never become markup.
const opened = new Set();              // reviews that a person unfolded
let allOpen = kept.get('fair:reviews') === true;
const compared = new Set();            // edited rationales shown beside their original

const column = (one, place) => {
  const node = make('article', 'column');
  node.tabIndex = -1;
  node.dataset.focus = `column ${place}`;
  const head = make('header');
  head.append(heading(one, place));
  if (one.cell) head.append(make('p', 'verdict-line'), buttons(one, place));
  else {
    head.append(make('p', 'missing', one.missing));
    if (one.id) head.append(buttons(one, place));
  }
  node.append(head, rationale(one, place), comments(one, place), scores(one), feedback(one));
  return node;
};

const heading = (one, place) => {
  const title = make('h3');
  const key = make('kbd', '', String(place + 1));
  key.setAttribute('aria-hidden', 'true');
  title.append(key, make('span', 'name', one.name));
  if (one.label) title.append(make('span', 'tag', one.label));
  if (one.cell) {
    const favourite = card.favourite === one.id;
    const star = press(one, place, 'favourite', favourite ? '★' : '☆', 'F');
    star.className = 'star';
    star.setAttribute('aria-label', fairWords`Favourite`);
    star.title = favourite ? fairWords`The student learns this question from this rationale alone`
      : fairWords`Favourite: let the student learn this question from this rationale alone`;
    star.setAttribute('aria-pressed', String(favourite));
    title.append(star);
  }
  return title;
};
const press = (one, place, action, words, key) => {
  const button = make('button', `go plain ${action}`, words);
  button.type = 'button';
  button.dataset.ask = action;
  button.dataset.focus = `${action} ${place}`;
  button.setAttribute('aria-keyshortcuts', key);
  return button;
};
const buttons = (one, place) => {
  const group = make('div', 'decide');
  group.setAttribute('role', 'group');
  group.setAttribute('aria-label', fairWords`Decide on ${one.name}’s rationale`);
  if (one.cell) {
    for (const [action, words, key, value] of
      [['accept', fairWords`Accept`, 'A', true], ['reject', fairWords`Reject`, 'R', false]]) {
      const button = press(one, place, action, words, key);
      button.setAttribute('aria-pressed', String(one.cell.decided === value));
      group.append(button);
    }
    group.append(press(one, place, 'edit', fairWords`Edit`, 'E'));
  }
  group.append(press(one, place, 'comment', fairWords`Comment`, 'C'));
  return group;
};

const rationale = (one, place) => {
  const part = make('section', 'part');
  const title = make('h4', '', fairWords`Rationale`);
  part.append(title);
  const form = writing.has(`edit ${one.id}`) ? editor(one, place) : null;
  if (form) part.append(form);
  // What somebody else wrote while it is edited here is shown below.
  if (!form || form.dataset.over !== textOf(one.rationale)) {
    const text = make('p', 'said');
    if (form) part.append(make('p', 'quiet', fairWords`As it is now:`));
    if (one.diff && compared.has(one.id)) paintDiff(text, one.diff);
    else paintSaid(text, one.rationale.length ? one.rationale : ['–']);
    part.append(text);
  }
  if (one.diff) {
    title.append(make('span', 'tag', fairWords`edited by ${whom(one.edited.by)}, ${ago(one.edited.at)}`));
    const acts = make('p', 'acts');
    const compare = press(one, place, 'compare',
      compared.has(one.id) ? fairWords`Hide changes` : fairWords`Show changes`, 'D');
    const restore = press(one, place, 'restore', fairWords`Restore the original`, '');
    restore.removeAttribute('aria-keyshortcuts');
    for (const button of [compare, restore]) button.className = 'go link';
    acts.append(compare, restore);
    part.append(acts);
  }
  if (one.check) part.append(check(one.check));
  return part;
};
const check = ({right, read}) => {
  const line = make('p', `check ${right ? 'right' : 'wrong'}`);
  const mark = make('i', '', right ? '✓' : '✗');
  mark.setAttribute('aria-hidden', 'true');
  line.append(mark, right ? fairWords`Final answer right: ` : fairWords`Final answer wrong: `);
  if (read) line.append(fairWords`read `, make('b', '', read));
  else line.append(fairWords`none could be read`);
  return line;
};

const scores = (one) => {
  const part = make('section', 'part');
  part.append(make('h4', '', fairWords`Peer review`));
  if (!one.scores.length) part.append(make('p', 'quiet', fairWords`No peer has reviewed it.`));
  for (const peer of one.scores) {
    const written = peer.text.length > 0;
    const line = make(written ? 'details' : 'div', 'peer');
    const head = make(written ? 'summary' : 'p', 'peer-line');
    head.append(make('span', 'name', peer.reviewer), make('b', peer.counts ? '' : 'uncounted', peer.score));
    if (!peer.counts) head.append(make('small', '', fairWords`not counted`));
    line.append(head);
    if (written) {
      line.dataset.key = `${one.id} ${peer.reviewer}`;
      line.open = allOpen || opened.has(line.dataset.key);
      const text = make('p', 'said');
      paintSaid(text, peer.text);
      line.append(text);
    }
    part.append(line);
  }
  if (one.cell && one.cell.mean !== null) part.append(means(one.cell));
  return part;
};
const means = ({mean, adjusted}) => {
  const line = make('p', 'peer-line mean');
  line.append(make('span', 'name', fairWords`Mean`));
  const plain = make('b', 'plain-mean', mean.toFixed(2));
  line.append(plain);
  if (adjusted !== null) {
    const less = make('small', 'adjusted-mean', fairWords`adjusted ${adjusted.toFixed(2)}`);
    less.title = fairWords`The mean less each reviewer’s leniency`;
    line.append(less);
  }
  return line;
};

const feedback = (one) => {
  const part = make('section', 'part');
  part.append(make('h4', '', fairWords`Feedback on the student’s answer`));
  const none = one.mentor ? fairWords`A mentor gives none.` : fairWords`None was written.`;
  const text = make('p', one.feedback.length ? 'said' : 'quiet', none);
  if (one.feedback.length) paintSaid(text, one.feedback);
  part.append(text);
  return part;
};

const comments = (one, place) => {
  const part = make('section', 'part comments');
  const open = writing.has(`comment ${one.id}`);
  part.hidden = !open && !one.comments.length;
  if (part.hidden) return part;
  part.append(make('h4', '', fairWords`Comments`));
  for (const said of one.comments) {
    const note = make('div', 'comment');
    const head = make('p', 'quiet');
    head.append(make('b', '', whom(said.by)), ` ${ago(said.at)}`);
    head.title = new Date(said.at * 1000).toLocaleString();
    if (said.reason) head.append(make('span', 'tag reason', said.reason));
    note.append(head);
    if (said.text) {
      const text = make('p', 'said');
      paintSaid(text, [said.text]);
      note.append(text);
    }
    part.append(note);
  }
  if (open) part.append(commenter(one, place));
  return part;
};

// ---- who, and when

const whom = (actor) => (actor === 'local' ? fairWords`a person` : actor === me ? fairWords`you` : actor);
const ago = (at) => {
  const passed = Math.max(0, Date.now() / 1000 - at);
  const [days, hours, minutes] = [86400, 3600, 60].map((size) => Math.floor(passed / size));
  if (days) return fairCount(days, 'day ago', 'days ago');
  if (hours) return fairCount(hours, 'hour ago', 'hours ago');
  return minutes ? fairCount(minutes, 'minute ago', 'minutes ago') : fairWords`just now`;
};

// Accepted or rejected, and why: by the rule of this moment, also while the dial moves.
const badge = () => {
  if (!card || !rule) return;
  [...find('.columns').children].forEach((node, place) => {
    const one = card.columns[place];
    if (!one?.cell) return;
    const yes = accepted(one.cell, one.teacher, rule);
    const reason = one.cell.decided === null ? why(one.cell, one.teacher, rule)
      : fairWords`by ${whom(one.by)}, ${ago(one.at)}`;
    node.classList.toggle('accepted', yes);
    node.classList.toggle('rejected', !yes);
    node.setAttribute('aria-label', `${one.name}: ${yes ? fairWords`accepted` : fairWords`rejected`}`);
    const mark = make('i', '', yes ? '✓' : '✗');
    mark.setAttribute('aria-hidden', 'true');
    const word = make('b', 'badge');
    word.append(mark, yes ? fairWords`Accepted` : fairWords`Rejected`);
    const line = [word, make('span', 'quiet', reason)];
    if (one.by) {
      const reset = press(one, place, 'reset', fairWords`Reset`, 'X');
      reset.className = 'go link';
      reset.title = fairWords`Let the peers’ scores decide, over the original text`;
      line.push(reset);
    }
    node.querySelector('.verdict-line').replaceChildren(...line);
  });
};
