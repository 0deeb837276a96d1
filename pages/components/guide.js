// Open until somebody closes it; after that only by the link on the page.
const guide = element.querySelector('.guide');
const KEY = 'fair:guide';
const closed = () => {
  try { return localStorage.getItem(KEY) === 'closed'; } catch { return true; }
};
const remember = () => {
  try { localStorage.setItem(KEY, 'closed'); } catch { /* Without a memory it is never shown by itself. */ }
};
const opener = () => document.querySelector('[data-guide]');
guide.hidden = closed();

guide.querySelector('[data-close]').addEventListener('click', () => {
  remember();
  guide.hidden = true;
  opener()?.focus();
});
const reopen = (event) => {
  if (!element.isConnected) document.removeEventListener('click', reopen);
  else if (event.target.closest('[data-guide]')) {
    guide.hidden = false;
    guide.scrollIntoView({block: 'nearest'});
    guide.querySelector('h3').focus({preventScroll: true});
  }
};
document.addEventListener('click', reopen);

// The form of a new project comes from the server: its first field gets the focus once it is there.
const focusName = (tries) => {
  const field = document.querySelector('#new-project-name :is(input, textarea)');
  if (field) field.focus();
  else if (tries) setTimeout(focusName, 100, tries - 1);
};
guide.querySelector('[data-new]').addEventListener('click', () => {
  document.getElementById('new-project').click();
  scrollTo({top: 0});
  focusName(30);
});
