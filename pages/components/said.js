// What a model or a person wrote, painted as text with its marks. Nothing here becomes markup: all
// texts go through textContent, and of a formula only the elements and attributes listed are built.

const SAID_MATHML = 'http://www.w3.org/1998/Math/MathML';
// As in fair_app/curation/mathematics.py, which lets nothing else through either.
const SAID_ELEMENTS = new Set(('math mrow mi mn mo mtext mspace msub msup msubsup munder mover '
  + 'munderover mfrac msqrt mroot mstyle menclose mtable mtr mtd').split(' '));
const SAID_ATTRIBUTES = new Set(('accent accentunder columnalign columnlines columnspacing '
  + 'displaystyle fence form largeop linethickness lspace mathvariant maxsize minsize movablelimits '
  + 'notation rowlines rowspacing rspace scriptlevel separator stretchy symmetric width').split(' '));
const SAID_VALUE = /^(?:(?:^| )(?:[a-z-]{1,30}|[0-9]?(?:\.[0-9]{1,4})?(?:em|ex|pt|px)?)){1,4}$/;
const SAID_DEEPEST = 40;
// The gravest first, as in fair_app/curation/marks.py.
const SAID_KINDS = ['wrong', 'astray', 'right', 'read', 'math'];
const SAID_WORDS = {
  wrong: fairWords`Does not hold`, astray: fairWords`Where it goes astray`, right: fairWords`Holds`};
const SAID_WIDE = 40;                  // characters of LaTeX that may not fit on a line
const SAID_ROOM = 48;                  // pixels that a note needs

const saidNode = (tag, className, words) => {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = words;
  return node;
};

// An element of a formula, or null where anything in it is not on the lists.
const saidElement = (tree, levels) => {
  if (!Array.isArray(tree) || levels === 0) return null;
  const [tag, attributes, ...children] = tree;
  if (!SAID_ELEMENTS.has(tag)) return null;
  const node = document.createElementNS(SAID_MATHML, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (!SAID_ATTRIBUTES.has(name) || typeof value !== 'string' || !SAID_VALUE.test(value)) return null;
    node.setAttribute(name, value);
  }
  for (const child of children) {
    const built = typeof child === 'string' ? child : saidElement(child, levels - 1);
    if (built === null) return null;
    node.append(built);
  }
  return node;
};

// A formula with its source: shown on hover, and copied in place of the formula.
const saidFormula = (source, tree) => {
  const math = Array.isArray(tree) && tree[0] === 'math' ? saidElement(tree, SAID_DEEPEST) : null;
  if (math === null) return null;
  const node = saidNode('span', 'said-formula', '');
  node.classList.toggle('said-wide', source.length > SAID_WIDE);
  node.title = source;
  node.append(math, saidNode('span', 'said-source', source));
  return node;
};

const saidPiece = (piece, goesOn) => {
  if (typeof piece === 'string') return piece;
  const text = String(piece.t ?? '');
  const kinds = SAID_KINDS.filter((kind) => (piece.k ?? []).includes(kind));
  const formula = kinds.includes('math') ? saidFormula(text, piece.m) : null;
  const marks = kinds.filter((kind) => kind !== 'math');
  if (!marks.length) return formula ?? text;
  const classes = marks.map((kind) => `said-${kind}`).join(' ');
  const node = saidNode('mark', `said-mark ${classes}`, formula ? '' : text);
  if (formula) node.append(formula);
  if (piece.n) {
    const note = String(piece.n);
    const grave = marks[0] === 'wrong' || marks[0] === 'astray';
    node.dataset.note = note;
    node.setAttribute('aria-description', `${SAID_WORDS[marks[0]] ?? fairWords`Note`}: ${note}`);
    // The tab key stops once at each mistake; a tap reaches every note.
    node.tabIndex = grave && !goesOn ? 0 : -1;
  }
  return node;
};

// A note stands below its mark, but above it in the last lines, where a card may end.
const saidPlace = (event) => {
  const mark = event.target.closest('mark[data-note]');
  if (!mark) return;
  const room = event.currentTarget.getBoundingClientRect().bottom - mark.getBoundingClientRect().bottom;
  mark.classList.toggle('said-above', room < SAID_ROOM);
};
const saidQuiet = (event) => {
  if (event.key === 'Escape') event.target.classList.add('said-quiet');
};
const saidLoud = (event) => event.target.classList.remove('said-quiet');

// A copied formula is its source: of MathML a browser copies `1` and `2` on a line each.
const saidCopy = (event) => {
  const selection = document.getSelection();
  const formulas = [...document.querySelectorAll('.said-formula')];
  if (event.defaultPrevented || !formulas.some((one) => selection.containsNode(one, true))) return;
  document.documentElement.classList.add('said-copying');
  event.clipboardData.setData('text/plain', String(selection));
  document.documentElement.classList.remove('said-copying');
  event.preventDefault();
};

// Paint a text into a node: pieces as `as_value` of fair_app/curation/marks.py makes them.
const paintSaid = (node, pieces) => {
  node.classList.add('said-painted');
  // The same listener again is no second one.
  document.addEventListener('copy', saidCopy);
  node.addEventListener('pointerover', saidPlace);
  node.addEventListener('focusin', saidPlace);
  node.addEventListener('keydown', saidQuiet);
  node.addEventListener('focusout', saidLoud);
  const all = pieces ?? [];
  node.replaceChildren(...all.map((piece, place) =>
    saidPiece(piece, place > 0 && Boolean(piece.n) && all[place - 1].n === piece.n)));
};

// Paint what a person changed: pairs as `word_diff` of fair_app/curation/word_diff.py makes them.
const paintDiff = (node, pieces) => {
  node.classList.add('said-painted');
  node.replaceChildren(...(pieces ?? []).map(([kind, words]) => {
    if (kind === 'same') return String(words);
    const change = saidNode(kind === 'added' ? 'ins' : 'del', 'said-change', String(words));
    change.classList.toggle('said-break', /^\s*\n\s*$/.test(words));
    return change;
  }));
};
