// Mark the link to what is on the screen. Each also bears a whole address, to open it elsewhere.
const paint = () => {
  const {project = '', open = ''} = props.value || {};
  for (const link of element.querySelectorAll('a')) {
    const {go, item} = link.dataset;
    link.href = '?' + new URLSearchParams({project, tab: go, id: item});
    if (item === open) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
};
element.addEventListener('click', (event) => {
  if (!event.target.closest('a')) return;
  // A new browser tab shows what the link names, and this one what it showed.
  if (event.ctrlKey || event.metaKey || event.shiftKey) event.stopPropagation();
  else event.preventDefault();
});
watch('value', paint);
paint();
