
// A person's word on a grade, by button or key, and the place in the list through a repainting.
const items = () => [...element.querySelectorAll('.answer')];
const head = (item) => item?.querySelector('summary');
const reasons = new Map();               // what is typed and not yet sent, by the answer's id
let at = null;                           // the answer that has the focus: its id and its place

const note = (target) => {
  const item = target.closest?.('.answer');
  at = item ? {key: item.dataset.key, place: items().indexOf(item)} : null;
};
const say = (item, grade) => {
  if (!item?.querySelector(`[data-grade="${grade}"]`)) return;
  head(item).focus({preventScroll: true});
  const reason = reasons.get(item.dataset.key) || '';
  reasons.delete(item.dataset.key);
  trigger('grade', {answer: Number(item.dataset.key), grade, reason});
};

element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-grade]');
  if (button) say(button.closest('.answer'), button.dataset.grade);
});
element.addEventListener('input', (event) => {
  if (event.target.matches('.reason')) {
    reasons.set(event.target.closest('.answer').dataset.key, event.target.value);
  }
});
// The samples of a vote come when they are first unfolded (a toggle does not bubble).
element.addEventListener('toggle', ({target}) => {
  if (target.open && target.dataset.fetch) trigger('samples', {answer: Number(target.dataset.fetch)});
}, true);
element.addEventListener('focusin', (event) => note(event.target));
element.addEventListener('focusout', (event) => { if (event.relatedTarget) note(event.relatedTarget); });
element.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const item = event.target.closest('.answer');
  if (event.target.matches('.reason')) {
    if (event.key === 'Enter') item.querySelector('[data-grade]').click();
    return;
  }
  const all = items();
  const move = (step) => head(all[all.indexOf(item) + step])?.focus();
  const acts = {
    j: () => move(1),
    k: () => move(-1),
    r: () => say(item, item?.querySelector('.verdict.right') ? '' : byPerson(item) ? 'rule' : 'right'),
    w: () => say(item, item?.querySelector('.verdict.wrong') ? '' : byPerson(item) ? 'rule' : 'wrong'),
    b: () => say(item, 'rule'),
    u: () => trigger('undo', {}),
  };
  const act = acts[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});
const byPerson = (item) => Boolean(item.querySelector('[data-grade="rule"]'));

watch('value', () => {
  for (const field of element.querySelectorAll('.reason')) {
    field.value = reasons.get(field.closest('.answer').dataset.key) || '';
  }
  if (!at || element.contains(document.activeElement) || document.activeElement !== document.body) return;
  const all = items();
  const item = all.find((one) => one.dataset.key === at.key) ?? all[Math.min(at.place, all.length - 1)];
  head(item)?.focus({preventScroll: true});
});
