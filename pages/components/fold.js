// The style sheet hides the block after this one while the button says that it is folded.
const button = element.querySelector('button');
const key = `fair:unfolded ${element.closest('.block').id}`;
const remember = (value) => {
  try { sessionStorage.setItem(key, value); } catch { /* Then a reload folds it again. */ }
};
// On a narrow screen everything is folded at first: what comes after would be far below.
const atFirst = button.getAttribute('aria-expanded') === 'true'
  && matchMedia('(min-width: 700px)').matches;
const remembered = () => {
  try {
    const value = sessionStorage.getItem(key);
    return value === null ? atFirst : value === 'yes';
  } catch { return atFirst; }
};
const set = (unfolded) => {
  button.setAttribute('aria-expanded', String(unfolded));
  if (unfolded && props.value) trigger('unfold', {});
};
button.addEventListener('click', () => {
  const unfolded = button.getAttribute('aria-expanded') !== 'true';
  remember(unfolded ? 'yes' : 'no');
  set(unfolded);
});
watch('value', () => set(button.getAttribute('aria-expanded') === 'true'));
set(remembered());
