// One card a teacher, painted as text. A card stays the same element while its teacher stays, so
// that a key that is being typed is not lost when something else changes.
const PATIENCE_MS = 30000;
const list = element.querySelector('ul');
const template = element.querySelector('template');
const cards = new Map();
const testing = new Map();             // name: when it was last tested, before this test

const write = (card, selector, words) => {
  const node = card.querySelector(selector);
  node.textContent = words;
  node.hidden = !words;
};
const check = (card, selector, state, words) => {
  const line = card.querySelector(selector);
  line.hidden = !words;
  line.dataset.state = state;
  line.querySelector('i').textContent = {good: '✓', bad: '×', missing: '!'}[state] ?? '';
  line.querySelector('span').textContent = words;
};
const make = (name) => {
  const card = template.content.firstElementChild.cloneNode(true);
  const act = (action, more = {}) => trigger('act', {action, teacher: name, ...more});
  card.addEventListener('click', (event) => {
    const action = event.target.closest('[data-act]')?.dataset.act;
    if (!action) return;
    if (action === 'test') {
      testing.set(name, known(name)?.probe?.at ?? null);
      setTimeout(() => { testing.delete(name); paint(); }, PATIENCE_MS);
      paint();
    }
    act(action);
    if (action === 'edit') window.fairShow('teacher-form');
  });
  card.querySelector('form').addEventListener('submit', (event) => {
    event.preventDefault();
    const field = card.querySelector('input');
    const key = field.value;
    field.value = '';
    if (key.trim()) act('type', {key});
  });
  return card;
};
const known = (name) => (props.value?.cards ?? []).find((one) => one.name === name);

const paintOne = (card, one) => {
  write(card, 'h3', one.name);
  write(card, '.who .tag', one.tag);
  write(card, '.served', one.served);
  write(card, '.settings', one.settings);
  write(card, '.price', one.price);
  card.querySelector('.price').classList.toggle('unknown', !one.price_known);
  const key = one.key;
  check(card, '.key', key.state === 'missing' ? 'missing' : 'good', key.words);
  card.querySelector('[data-act=forget]').hidden = key.state !== 'typed';
  card.querySelector('form').hidden = key.state !== 'missing';
  card.querySelector('input').setAttribute('aria-label', fairWords`${key.variable}, for ${one.name}`);
  if (testing.has(one.name) && testing.get(one.name) !== (one.probe?.at ?? null)) {
    testing.delete(one.name);
  }
  const busy = testing.has(one.name);
  if (busy) check(card, '.probe', 'busy', fairWords`Asking one short question …`);
  else check(card, '.probe', one.probe?.ok ? 'good' : 'bad', one.probe?.words ?? '');
  write(card, '.written', one.written);
  card.querySelector('.acts').hidden = !one.asked;
  const test = card.querySelector('[data-act=test]');
  test.hidden = !one.remote;
  test.disabled = busy;
};
const paint = () => {
  const teachers = props.value?.cards ?? [];
  const names = new Set(teachers.map((one) => one.name));
  for (const [name, card] of cards) if (!names.has(name)) { card.remove(); cards.delete(name); }
  teachers.forEach((one, place) => {
    if (!cards.has(one.name)) cards.set(one.name, make(one.name));
    const card = cards.get(one.name);
    if (list.children[place] !== card) list.insertBefore(card, list.children[place] ?? null);
    paintOne(card, one);
  });
};
watch('value', paint);
paint();
