// On a narrow screen the bar of tabs scrolls: bring the selected one into sight.
const showTab = (name) => requestAnimationFrame(() => {
  const tab = document.getElementById(`tab-${name}-button`);
  if (!tab) return;
  const bar = tab.parentElement;
  const left = tab.getBoundingClientRect().left - bar.getBoundingClientRect().left;
  bar.scrollLeft += left - (bar.clientWidth - tab.clientWidth) / 2;
});

// Keep the address true to the place on the screen, so that it can be reloaded and shared.
window.fairAddress = (project, tab, item) => {
  if (!tab) return;
  showTab(tab);
  const query = new URLSearchParams(location.search);
  query.set('project', project);
  query.set('tab', tab);
  if (item) query.set('id', item); else query.delete('id');
  const search = '?' + query.toString();
  if (search === location.search) return;
  history.replaceState(history.state, '', location.pathname + search + location.hash);
  // Inside a Space the outer page has the address that people see.
  if (window.parent !== window) {
    window.parent.postMessage({queryString: search.slice(1), hash: ''}, 'https://huggingface.co');
  }
};
