// Numbers and rules in words.
const whole = new Intl.NumberFormat('en-US');
const percent = (part, all) => (all ? (100 * part / all).toFixed(1) + ' %' : '–');

const duration = (seconds) => {
  const all = Math.round(seconds), minutes = Math.floor(all / 60);
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${minutes} min ${all % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

// What a run reads, and how long that takes at the pace of the last one here.
const learning = ({tokens, unread}, {epochs, seconds_per_token: pace}) => {
  if (!tokens) return fairWords`Nothing to learn from.`;
  const time = pace === null
    ? fairWords`no run on this machine yet to estimate the time from`
    : fairWords`${fairCount(epochs, 'epoch')}: about ${duration(tokens * epochs * pace)} on this machine`;
  const about = whole.format(Number(tokens.toPrecision(3)));
  return fairWords`About ${about} tokens an epoch; ${time}.`
    + (unread ? fairWords` ${fairCount(unread, 'question')} without feedback left out.` : '');
};

// "12 more accepted, 3 fewer", "3 fewer accepted", or nothing.
const flippedWords = (more, fewer) => {
  const [plus, minus] = [whole.format(more), whole.format(fewer)];
  if (more && fewer) return fairWords`${plus} more accepted, ${minus} fewer`;
  if (more) return fairWords`${plus} more accepted`;
  return fewer ? fairWords`${minus} fewer accepted` : '';
};

// What is set beside thresholds.
const conditionWords = ({min_scores: least, answer_check: checked, adjusted}) => [
  least > 1 && fairWords`at least ${least} scores`,
  checked && fairWords`answer check on`,
  adjusted && fairWords`mean adjusted for leniency`,
].filter(Boolean).join(', ') || fairWords`none set`;
