// The choice is kept by the browser in a cookie, which the server reads; the page is then loaded anew.
const YEAR_S = 365 * 24 * 3600;
const framed = location.protocol === 'https:' ? 'SameSite=None; Secure; Partitioned' : 'SameSite=Lax';
for (const button of element.querySelectorAll('[data-language]')) {
  const {language} = button.dataset;
  if (language === document.documentElement.lang) button.setAttribute('aria-current', 'true');
  button.addEventListener('click', () => {
    document.cookie = `fair_language=${language}; Path=/; Max-Age=${YEAR_S}; ${framed}`;
    location.reload();
  });
}
