// The acceptance rule as fair_app.curation.acceptance has it, on the means that Python computed.
// A rule is {threshold, per_teacher, min_scores, answer_check, adjusted}, a cell
// {mean, adjusted, counted, right, mentor, decided}: null is no counted score, not graded, not
// decided.
const ownThreshold = (teacher, rule) => Object.hasOwn(rule.per_teacher, teacher);
const thresholdOf = (teacher, rule) =>
  (ownThreshold(teacher, rule) ? rule.per_teacher[teacher] : rule.threshold);
const meanBy = (cell, rule) => (rule.adjusted ? cell.adjusted : cell.mean);

// All that the rule asks for beside the threshold.
const conditionsMet = (cell, rule) =>
  meanBy(cell, rule) !== null && cell.counted >= rule.min_scores
  && (cell.right === true || !rule.answer_check);

// The mentor's rationale that nobody has scored: its final answer decides.
const standsByItsAnswer = (cell) => Boolean(cell.mentor) && cell.counted === 0;

const accepted = (cell, teacher, rule) =>
  cell.decided ?? (standsByItsAnswer(cell) ? cell.right === true
    : conditionsMet(cell, rule) && meanBy(cell, rule) > thresholdOf(teacher, rule));

const copyRule = (rule) => ({...rule, per_teacher: {...rule.per_teacher}});
const sameRule = (one, other) =>
  ['threshold', 'min_scores', 'answer_check', 'adjusted'].every((name) => one[name] === other[name])
  && Object.keys(one.per_teacher).length === Object.keys(other.per_teacher).length
  && Object.entries(one.per_teacher).every(([name, own]) => other.per_teacher[name] === own);

// 3.0 and 3.25: as many decimals as it takes, at least one.
const asThreshold = (value) => (Number(value.toFixed(1)) === value ? value.toFixed(1) : `${value}`);

// 3.00, and more decimals where two would make it look equal to a threshold that it is not.
const asMean = (mean, threshold) => {
  let words = mean.toFixed(2);
  for (let digits = 3; digits <= 9 && mean !== threshold && Number(words) === threshold; digits++) {
    words = mean.toFixed(digits);
  }
  return words;
};

// Why a rationale is accepted or not, in plain words: the first thing that settles it.
const why = (cell, teacher, rule) => {
  if (cell.decided !== null) return fairWords`by a person`;
  if (standsByItsAnswer(cell)) {
    return cell.right ? fairWords`right answer, no score yet` : fairWords`no right answer, no score yet`;
  }
  const mean = meanBy(cell, rule);
  if (mean === null || cell.counted === 0) return fairWords`no score counts`;
  if (cell.counted < rule.min_scores) {
    const counted = fairCount(cell.counted, 'score counts', 'scores count');
    return fairWords`${counted}, ${rule.min_scores} are asked for`;
  }
  if (rule.answer_check && cell.right !== true) {
    return cell.right === null ? fairWords`final answer not graded (answer check)`
      : fairWords`final answer wrong (answer check)`;
  }
  const threshold = thresholdOf(teacher, rule);
  const value = asMean(mean, threshold);
  const its = rule.adjusted ? fairWords`adjusted mean ${value}` : fairWords`mean ${value}`;
  const limit = ownThreshold(teacher, rule) ? fairWords`${teacher}’s own ${asThreshold(threshold)}`
    : asThreshold(threshold);
  return mean > threshold ? fairWords`${its} is above ${limit}` : fairWords`${its} is not above ${limit}`;
};
