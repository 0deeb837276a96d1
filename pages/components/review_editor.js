// Writing: an edited rationale, a comment, the list of reasons. What is typed is kept as a draft
// until the server has saved it, so that neither a reload nor a server that dies loses a word.
const writing = new Map();             // 'edit 12' or 'comment 12': the form that is open
const draftKey = (what, of = {project, since}) => `fair:draft ${of.project} ${of.since} ${what}`;
const draftOf = (what) => kept.get(draftKey(what));
const keepDraft = (what, draft) => kept.set(draftKey(what), draft);

// Forms stand in the card again after it was painted anew; a draft opens its form by itself.
const reopenForms = (one) => {
  for (const {id} of one.columns) {
    for (const kind of ['edit', 'comment']) {
      const what = `${kind} ${id}`;
      if (id && !writing.has(what) && draftOf(what)) writing.set(what, null);
    }
  }
};
const closeForm = (what) => {
  writing.delete(what);
  keepDraft(what, null);
};
const leaveForm = (what, place) => {
  closeForm(what);
  repaint();
  choose(place, true);
};

const textOf = (pieces) => pieces.map((piece) => (typeof piece === 'string' ? piece : piece.t)).join('');
const form = (what, one, place, field, {changed, save}) => {
  const node = make('div', 'writer');
  const actions = make('div', 'acts');
  const act = (label, className, press) => {
    const button = make('button', `go ${className}`, label);
    button.type = 'button';
    button.addEventListener('click', press);
    return button;
  };
  const usual = () => {
    actions.replaceChildren(
      act(fairWords`Save`, 'primary', save),
      act(fairWords`Cancel`, 'plain', leave),
      make('small', 'hint', fairWords`Ctrl + Enter saves, Esc leaves`),
    );
  };
  const stay = () => {
    usual();
    field.focus();
  };
  // Leaving asks first when there is something to lose.
  const leave = () => {
    if (!changed()) {
      leaveForm(what, place);
      return;
    }
    const keep = act(fairWords`Keep writing`, 'primary', stay);
    actions.replaceChildren(make('span', 'asks', fairWords`Throw away what you wrote?`), keep,
      act(fairWords`Throw away`, 'plain', () => leaveForm(what, place)));
    keep.focus();
  };
  node.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      if (actions.querySelector('.asks')) stay();
      else leave();
    } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      save();
    }
  });
  usual();
  node.append(field, actions);
  node.dataset.over = textOf(one.rationale);
  writing.set(what, node);
  return node;
};
const busy = (what, saving) => {
  const node = writing.get(what);
  if (!node) return;
  node.toggleAttribute('data-saving', saving);
  // Who has saved goes on by the keys; who has to write again is back in the field.
  const column = node.closest('.column');
  if (saving) column?.focus({preventScroll: true});
  for (const field of node.querySelectorAll('textarea, button')) field.disabled = saving;
  if (!saving && document.activeElement === column) node.querySelector('textarea')?.focus();
};

// ---- a rationale's text

const editor = (one, place) => {
  const what = `edit ${one.id}`;
  const open = writing.get(what);
  if (open) return open;
  const written = textOf(one.rationale);
  const field = make('textarea', 'edit-text');
  field.setAttribute('aria-label', fairWords`${one.name}’s rationale`);
  field.dataset.focus = `text ${place}`;
  field.value = draftOf(what)?.text ?? written;
  // The draft remembers what it was written over, so that nobody's work in between is lost.
  field.addEventListener('input', () => {
    const revision = draftOf(what)?.revision ?? one.revision;
    keepDraft(what, field.value === written ? null : {text: field.value, revision});
    grow(field);
  });
  requestAnimationFrame(() => grow(field));
  return form(what, one, place, field, {
    changed: () => field.value !== written,
    save: () => {
      if (field.value === written) {
        leaveForm(what, place);
        return;
      }
      const revision = draftOf(what)?.revision ?? one.revision;
      ask({action: 'edit', rationale: one.id, revision, value: field.value});
      busy(what, true);
    },
  });
};
const grow = (field) => {
  field.style.height = 'auto';
  field.style.height = `${Math.min(field.scrollHeight + 4, innerHeight * .6)}px`;
};
const edit = (place) => openForm('edit', place, 'text');

// ---- a comment

const commenter = (one, place) => {
  const what = `comment ${one.id}`;
  const open = writing.get(what);
  if (open) return open;
  const draft = {text: '', reason: '', ...draftOf(what)};
  const field = make('div');
  const list = make('div', 'reasons');
  const text = make('textarea', 'comment-text');
  text.rows = 2;
  text.placeholder = fairWords`What is to be said (optional with a reason)`;
  text.setAttribute('aria-label', fairWords`Comment on ${one.name}’s rationale`);
  text.dataset.focus = `words ${place}`;
  text.value = draft.text;
  const keep = () => keepDraft(what, draft.text || draft.reason ? draft : null);
  text.addEventListener('input', () => {
    draft.text = text.value;
    keep();
    grow(text);
  });
  list.setAttribute('role', 'radiogroup');
  list.setAttribute('aria-label', fairWords`Reason`);
  const pick = (reason) => {
    draft.reason = draft.reason === reason ? '' : reason;
    keep();
    markReason();
  };
  // The buttons stay, and with them the focus.
  const markReason = () => {
    for (const chip of list.querySelectorAll('.chip')) {
      chip.setAttribute('aria-checked', String(chip.textContent === draft.reason));
    }
  };
  const paintReasons = () => {
    const known = reasons.includes(draft.reason) || !draft.reason ? reasons : [...reasons, draft.reason];
    list.replaceChildren(...known.map((reason, number) => {
      const chip = make('button', 'chip', reason);
      chip.type = 'button';
      chip.setAttribute('role', 'radio');
      if (number < 9) chip.setAttribute('aria-keyshortcuts', String(number + 1));
      if (!number) chip.dataset.focus = `reason ${place}`;
      chip.addEventListener('click', () => pick(reason));
      return chip;
    }), editReasons());
    markReason();
  };
  const editReasons = () => {
    const button = make('button', 'go link', fairWords`Edit list`);
    button.type = 'button';
    button.addEventListener('click', () => field.replaceChildren(reasonList(() => {
      paintReasons();
      field.replaceChildren(list, text);
    })));
    return button;
  };
  paintReasons();
  field.append(list, text);
  field.focus = () => text.focus();
  const node = form(what, one, place, field, {
    changed: () => Boolean(draft.text.trim() || draft.reason),
    save: () => {
      if (!draft.text.trim() && !draft.reason) {
        say('A comment needs words or a reason.', 'warning');
        return;
      }
      ask({action: 'comment', rationale: one.id, value: draft.text, reason: draft.reason});
      busy(what, true);
    },
  });
  // From the reasons, where `c` leads first: a digit picks one, a letter begins the text.
  list.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key.length > 1) return;
    const reason = reasons[Number(event.key) - 1];
    if (reason) {
      event.preventDefault();
      pick(reason);
      text.focus();
    } else if (event.key !== ' ') text.focus();
  });
  return node;
};
const comment = (place) => openForm('comment', place, reasons.length ? 'reason' : 'words');

// The list that reasons are chosen from, one a line. It is everybody's.
const reasonList = (done) => {
  const node = make('div', 'reason-list');
  const field = make('textarea');
  field.rows = 6;
  field.value = reasons.join('\n');
  field.setAttribute('aria-label', fairWords`Reasons, one a line`);
  const save = make('button', 'go plain', fairWords`Save the list`);
  save.type = 'button';
  save.addEventListener('click', () => {
    reasonsSaved = done;
    ask({action: 'reasons', value: field.value});
  });
  const cancel = make('button', 'go link', fairWords`Leave it`);
  cancel.type = 'button';
  cancel.addEventListener('click', done);
  const acts = make('div', 'acts');
  acts.append(save, cancel, make('small', 'hint', fairWords`One a line, for this project`));
  node.append(field, acts);
  requestAnimationFrame(() => field.focus());
  return node;
};
let reasonsSaved = null;

const openForm = (kind, place, focus) => {
  const one = card?.columns[place];
  if (!one?.id || (kind === 'edit' && !one.cell)) return;
  hush();
  choose(place);
  const what = `${kind} ${one.id}`;
  if (!writing.has(what)) writing.set(what, null);
  repaint();
  const field = find(`.columns [data-focus="${focus} ${place}"]`);
  field?.focus();
  field?.scrollIntoView({block: 'nearest'});
};

// What was saved is no draft any more; what was refused stays, over the text as it is now.
const decided = (done, answer, refused) => {
  const what = `${done.action} ${done.rationale}`;
  if (done.action === 'reasons' && !refused) {
    reasonsSaved?.();
    reasonsSaved = null;
  }
  if (done.action !== 'edit' && done.action !== 'comment') return;
  if (!isShown(done)) {
    if (!refused) kept.set(draftKey(what, done), null);
    return;
  }
  if (!refused) {
    closeForm(what);
    return;
  }
  busy(what, false);
  const draft = draftOf(what);
  const now = answer.card?.columns.find(({id}) => id === done.rationale)?.revision;
  if (done.action === 'edit' && draft && now !== undefined) keepDraft(what, {...draft, revision: now});
};
