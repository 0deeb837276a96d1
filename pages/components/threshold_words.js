// Numbers and rules in words.
const whole = new Intl.NumberFormat('en-US');
const percent = (part, all) => (all ? (100 * part / all).toFixed(1) + ' %' : '–');
const plural = (number, thing) => `${whole.format(number)} ${thing}${number === 1 ? '' : 's'}`;

const duration = (seconds) => {
  const all = Math.round(seconds), minutes = Math.floor(all / 60);
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${minutes} min ${all % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

// What a run reads, and how long that takes at the pace of the last one here.
const learning = ({tokens, unread}, {epochs, seconds_per_token: pace}) => {
  if (!tokens) return 'Nothing to learn from.';
  const time = pace === null
    ? 'no run on this machine yet to estimate the time from'
    : `${plural(epochs, 'epoch')}: about ${duration(tokens * epochs * pace)} on this machine`;
  return `About ${whole.format(Number(tokens.toPrecision(3)))} tokens an epoch; ${time}.`
    + (unread ? ` ${plural(unread, 'question')} without feedback left out.` : '');
};

// "12 more accepted, 3 fewer", "3 fewer accepted", or nothing.
const flippedWords = (more, fewer) =>
  [more && `${whole.format(more)} more`, fewer && `${whole.format(fewer)} fewer`]
    .filter(Boolean).join(', ').replace(/more|fewer/, '$& accepted');

// What is set beside thresholds.
const conditionWords = ({min_scores: least, answer_check: checked, adjusted}) => [
  least > 1 && `at least ${least} scores`,
  checked && 'answer check on',
  adjusted && 'mean adjusted for leniency',
].filter(Boolean).join(', ') || 'none set';
