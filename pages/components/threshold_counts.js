// What a rule gives, counted over all rationales: typed arrays in, numbers out. `rule.js` stands
// before this, and says of each kind of rationale what the rule says of it.
const ABSENT = -1, NOBODY = -1;
const STEPS = Array.from({length: 51}, (_, step) => step / 10);

// A cell a column a question, question by question; `columns` has the place of each one's author.
// Cells of the same kind (author, means, number of scores, final answer, whether the author is the
// mentor) share the rule's verdict; `decided` is a person's: NOBODY, 0 or 1.
const unpack = (sent) => {
  const questions = sent.questions ? sent.questions.split(',').map(Number) : [];
  const size = questions.length * sent.columns.length;
  const numbers = (joined, count, blank) => {
    const parts = joined.split(',');
    return Int32Array.from({length: count}, (_, at) => (parts[at] ? Number(parts[at]) : blank));
  };
  return {
    teachers: sent.teachers,
    columns: sent.columns,
    questions,
    row: new Map(questions.map((question, row) => [question, row])),
    kinds: sent.kinds.map(([teacher, mean, adjusted, counted, right, mentor]) => (
      {teacher, mean, adjusted, counted, right, mentor, decided: null})),
    kind: numbers(sent.cells, size, ABSENT),
    tokens: numbers(sent.tokens, size, 0),
    reads: numbers(sent.reads, questions.length, ABSENT),
    decided: Int8Array.from({length: size}, (_, at) => '01'.indexOf(sent.decided[at])),
  };
};

// By the rule alone, 1 or 0 for each kind.
const verdicts = ({kinds, teachers}, rule) => {
  const found = new Uint8Array(kinds.length);
  for (let at = 0; at < kinds.length; at++) {
    found[at] = accepted(kinds[at], teachers[kinds[at].teacher], rule);
  }
  return found;
};

// Right final answers by kind: 1, 0, or -1 where it was not graded.
const rightness = ({kinds}) =>
  Int8Array.from(kinds, ({right}) => (right === null ? -1 : Number(right)));

// What a rule gives, and what it changes against another: `more` and `fewer` accepted. `tokens` is
// what one epoch reads, of questions with feedback alone; `unread` counts those without.
const tally = (board, rule, before) => {
  const {kind, decided, tokens, reads, teachers, columns} = board;
  const now = verdicts(board, rule), then = verdicts(board, before), right = rightness(board);
  const found = {
    rationales: 0, accepted: 0, questions: 0, questions_accepted: 0,
    kept: 0, kept_of: 0, rejected: 0, rejected_of: 0,
    more: 0, fewer: 0, tokens: 0, unread: 0,
    per_teacher: teachers.map(() => [0, 0]),
  };
  const width = columns.length;
  for (let row = 0; row < reads.length; row++) {
    let written = 0, kept = 0, length = 0;
    for (let column = 0; column < width; column++) {
      const cell = row * width + column, its = kind[cell], teacher = columns[column];
      if (its === ABSENT) continue;
      const person = decided[cell] !== NOBODY;
      const keeps = person ? decided[cell] : now[its];
      written++;
      found.per_teacher[teacher][1]++;
      if (keeps) {
        kept++;
        length += tokens[cell];
        found.per_teacher[teacher][0]++;
      }
      if (!person && now[its] !== then[its]) found[keeps ? 'more' : 'fewer']++;
      if (right[its] >= 0) {
        if (keeps) { found.kept_of++; found.kept += right[its]; }
        else { found.rejected_of++; found.rejected += right[its]; }
      }
    }
    if (!written) continue;
    found.questions++;
    found.rationales += written;
    if (!kept) continue;
    found.questions_accepted++;
    found.accepted += kept;
    if (reads[row] === ABSENT) found.unread++;
    else found.tokens += reads[row] + length / kept;
  }
  return found;
};

// The counts at every step of the slider, the rule otherwise as it is. A cell is accepted at all
// steps before its limit, so one pass and a sum from the end give them all.
const curve = (board, rule) => {
  const {kinds, kind, decided, teachers, columns, reads} = board;
  const steps = STEPS.length, right = rightness(board), limits = new Uint8Array(kinds.length);
  kinds.forEach((one, at) => {
    const teacher = teachers[one.teacher];
    if (ownThreshold(teacher, rule) || standsByItsAnswer(one)) limits[at] = accepted(one, teacher, rule) ? steps : 0;
    else if (conditionsMet(one, rule)) {
      const mean = meanBy(one, rule);
      while (limits[at] < steps && STEPS[limits[at]] < mean) limits[at]++;
    }
  });
  const bins = () => new Int32Array(steps + 1);
  const found = {rationales: 0, questions: 0,
    accepted: bins(), questions_accepted: bins(), kept: bins(), kept_of: bins()};
  const width = columns.length;
  for (let row = 0; row < reads.length; row++) {
    let best = ABSENT;
    for (let cell = row * width; cell < (row + 1) * width; cell++) {
      const its = kind[cell];
      if (its === ABSENT) continue;
      const limit = decided[cell] === NOBODY ? limits[its] : decided[cell] * steps;
      found.rationales++;
      found.accepted[limit]++;
      if (right[its] >= 0) {
        found.kept_of[limit]++;
        found.kept[limit] += right[its];
      }
      if (limit > best) best = limit;
    }
    if (best === ABSENT) continue;
    found.questions++;
    found.questions_accepted[best]++;
  }
  // From how many stop at a limit to how many are accepted at a step.
  for (const name of ['accepted', 'questions_accepted', 'kept', 'kept_of']) {
    const stopped = found[name];
    found[name] = new Array(steps);
    for (let step = steps - 1, sum = 0; step >= 0; step--) {
      sum += stopped[step + 1];
      found[name][step] = sum;
    }
  }
  return found;
};

// The rationales that a rule newly accepts and newly rejects, in the order of the questions.
const flips = (board, rule, before) => {
  const now = verdicts(board, rule), then = verdicts(board, before);
  const width = board.columns.length, found = {accepted: [], rejected: []};
  board.kind.forEach((its, cell) => {
    if (its === ABSENT || board.decided[cell] !== NOBODY || now[its] === then[its]) return;
    found[now[its] ? 'accepted' : 'rejected'].push({
      teacher: board.teachers[board.columns[cell % width]],
      row: Math.floor(cell / width),
      mean: meanBy(board.kinds[its], rule),
    });
  });
  return found;
};

// Wilson's score interval at 95 % (Wilson 1927), as fair_app.evaluation.statistics has it.
const wilson = (right, of) => {
  const z = 1.959963984540054, share = right / of, wide = z * z / of;
  const middle = share + wide / 2;
  const half = z * Math.sqrt(share * (1 - share) / of + wide / of / 4);
  return [Math.max(0, (middle - half) / (1 + wide)), Math.min(1, (middle + half) / (1 + wide))];
};
