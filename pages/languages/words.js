// What the pages' scripts say, in the language that the server chose for this page. The texts come
// with its config; what is missing is said in English.
(() => {
  const {language = 'en', words = {}} = window.gradio_config ?? {};
  const {texts = {}, forms = {}, form = ''} = words;
  const whole = new Intl.NumberFormat('en-US');
  document.documentElement.lang = language;

  // fairWords`Question ${number}`: the catalogue has it as "Question {0}".
  window.fairWords = (parts, ...values) => {
    const english = parts.reduce((said, part, at) => `${said}{${at - 1}}${part}`);
    return (texts[english] ?? english).replace(/\{(\d+)\}/g, (_, at) => values[at]);
  };

  // fairCount(3, 'question'): "3 questions"; the catalogue has "{n} question" and its plural.
  window.fairCount = (number, thing, things = `${thing}s`) => {
    const known = forms[`{n} ${thing}`];
    const at = form[number < 200 ? number : 100 + number % 100];
    const said = known?.[at] ?? `{n} ${number === 1 ? thing : things}`;
    return said.replace('{n}', whole.format(number));
  };
})();
