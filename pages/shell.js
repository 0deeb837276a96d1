// On a narrow screen the bar of tabs scrolls: bring one into sight.
const showTab = (selector) => requestAnimationFrame(() => {
  const tab = document.querySelector(`#tabs ${selector}`);
  if (!tab) return;
  const bar = tab.parentElement;
  const left = tab.getBoundingClientRect().left - bar.getBoundingClientRect().left;
  bar.scrollLeft += left - (bar.clientWidth - tab.clientWidth) / 2;
});
window.addEventListener('resize', () => showTab('[role=tab][aria-selected=true]'));

// Keep the address true to the place on the screen, so that it can be reloaded and shared.
window.fairAddress = (project, tab, item) => {
  if (!tab) return;
  showTab(`#tab-${CSS.escape(tab)}-button`);
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

// At once, not only when the server has answered: who reloads meanwhile comes to where they went.
document.addEventListener('click', ({target}) => {
  const place = target.closest('[data-go], [role=tab][id^=tab-]:not([aria-selected=true])');
  const project = new URLSearchParams(location.search).get('project');
  if (!place || !project) return;
  const {go = place.id.slice('tab-'.length, -'-button'.length), item = ''} = place.dataset;
  window.fairAddress(project, go, item);
}, true);
