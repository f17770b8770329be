// SPDX-License-Identifier: BSD-3-Clause
// Energy of a stretch of time and its error, as src/analysis has them (sums.cpp); docs/accuracy.md has the reasons.
import { column } from "./data.js";

const square = (x) => x * x;

/** 95 % quantile of |X - Y|, X uniform on [0, a], Y on [0, b]. */
function differenceQuantile(a, b) {
  if (a < b) [a, b] = [b, a];
  if (b <= 0.1 * a) return 0.95 * a - 0.5 * b;
  const oneTail = a - Math.sqrt(0.1 * a * b);
  return oneTail >= b ? oneTail : 0.5 * (a + b - Math.sqrt(Math.max(0, 0.2 * a * b - square(a - b))));
}

/** Number of the last of ascending `times` that is not after `t`; -1 when all are. */
export function before(times, t) {
  let low = -1,
    high = times.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= t) low = middle;
    else high = middle;
  }
  return low;
}

/** Energy of a power that is straight between its `points`. */
function integral(t, points) {
  const out = new Float64Array(t.length);
  for (let i = 1; i < out.length; ++i) out[i] = out[i - 1] + ((points[i - 1] + points[i]) / 2) * (t[i] - t[i - 1]);
  return out;
}

/** Energy over time: `joules` up to each of the times `t`, straight lines between, or `points` of a power that is straight between. */
class Curve {
  constructor(t, joules, points = null) {
    Object.assign(this, { t, joules, points });
  }
  get last() {
    return this.t.length - 2;
  }
  seconds(i) {
    return this.t[i + 1] - this.t[i];
  }
  watts(i) {
    return (this.joules[i + 1] - this.joules[i]) / this.seconds(i);
  }

  /** Energy up to `t`, which lies in stretch `i`. Half a stretch beyond both ends is filled with its power. */
  upTo(t, i = before(this.t, t)) {
    const { last } = this;
    if (i < 0) return Math.max(t - this.t[0], -this.seconds(0) / 2) * this.watts(0);
    if (i > last) return this.joules[last + 1] + Math.min(t - this.t[last + 1], this.seconds(last) / 2) * this.watts(last);
    const part = (t - this.t[i]) / this.seconds(i),
      whole = this.joules[i + 1] - this.joules[i];
    if (!this.points) return this.joules[i] + part * whole;
    const bend = ((this.points[i + 1] - this.points[i]) * this.seconds(i)) / 2;
    return this.joules[i] + part * (whole - bend * (1 - part));
  }

  /** Mean power between each two of ascending `edges`; NaN where the curve is not. */
  means(edges) {
    const out = new Float64Array(edges.length - 1);
    const beyond = 1e-6 + Math.max(this.seconds(0), this.seconds(this.last)) / 2,
      end = this.t[this.last + 1];
    let i = before(this.t, edges[0]),
      sum = this.upTo(edges[0], i);
    for (let k = 0; k < out.length; ++k) {
      while (i + 1 < this.t.length && this.t[i + 1] <= edges[k + 1]) ++i;
      const next = this.upTo(edges[k + 1], i);
      const outside = edges[k + 1] < this.t[0] - beyond || edges[k] > end + beyond;
      out[k] = outside ? NaN : (next - sum) / (edges[k + 1] - edges[k]);
      sum = next;
    }
    return out;
  }

  /** The same curve with stretches of at least `shortest` seconds, none across one of the times `cuts`. */
  coarser(shortest, cuts) {
    const kept = [0],
      stay = new Set(cuts);
    for (let i = 1; i < this.t.length; ++i)
      if (this.t[i] - this.t[kept[kept.length - 1]] >= shortest || stay.has(this.t[i]) || i === this.t.length - 1) kept.push(i);
    // A short rest joins the stretch before it.
    if (
      kept.length > 2 &&
      this.t[kept[kept.length - 1]] - this.t[kept[kept.length - 2]] < shortest &&
      !stay.has(this.t[kept[kept.length - 2]])
    )
      kept.splice(-2, 1);
    return kept.length === this.t.length
      ? this
      : new Curve(
          Float64Array.from(kept, (i) => this.t[i]),
          Float64Array.from(kept, (i) => this.joules[i]),
        );
  }
}

/** One meter over time, seconds from the run's begin. */
export class Track extends Curve {
  constructor(meta, bytes) {
    const t = column(bytes, meta.t, 1e-6),
      thinned = Boolean(meta.least);
    const points = meta.gauge && !thinned ? column(bytes, meta.v, meta.unit) : null;
    super(t, points ? integral(t, points) : column(bytes, meta.v, meta.unit), points);
    Object.assign(this, { node: meta.node, id: meta.id, limits: meta, thinned });
    this.least = thinned ? column(bytes, meta.least, meta.range) : null;
    this.most = thinned ? column(bytes, meta.most, meta.range) : null;
    this.gaps = meta.gaps
      ? Array.from(column(bytes, meta.gaps), (code) => ({
          from: this.t[code >> 1],
          to: this.t[(code >> 1) + 1],
          known: code % 2 === 1,
          at: code >> 1,
        }))
      : [];
    // A counter shows no power over a time that is too short for it: such stretches are drawn as one.
    this.drawn =
      points || thinned
        ? this
        : this.coarser(
            meta.shortest_s ?? 0,
            this.gaps.flatMap(({ from, to }) => [from, to]),
          );
  }

  get end() {
    return this.t[this.t.length - 1];
  }
  between(from, to) {
    return this.upTo(to) - this.upTo(from);
  }

  /** Mean power between each two of ascending `edges`, as it is drawn; NaN where nothing was read. */
  means(edges) {
    const out = this.drawn === this ? super.means(edges) : this.drawn.means(edges);
    this.#cutGaps(edges, out);
    return out;
  }
  #cutGaps(edges, means) {
    for (const gap of this.gaps) {
      for (let k = Math.max(0, before(edges, gap.from)); k < means.length && edges[k] < gap.to; ++k) {
        const length = edges[k + 1] - edges[k];
        const hidden = Math.min(gap.to, edges[k + 1]) - Math.max(gap.from, edges[k]);
        if (hidden > 0.5 * length) means[k] = NaN;
        else if (!gap.known && hidden > 0) means[k] *= length / (length - hidden);
      }
    }
  }

  /** Lowest and highest power between each two of `edges`; NaN where the mean tells as much. */
  ranges(edges) {
    const least = new Float64Array(edges.length - 1).fill(NaN),
      most = new Float64Array(edges.length - 1).fill(NaN);
    const { t } = this.drawn;
    let i = Math.max(0, before(t, edges[0]));
    for (let k = 0; k < least.length; ++k) {
      while (i > 0 && t[i] > edges[k]) --i;
      let low = Infinity,
        high = -Infinity,
        count = 0;
      for (; i < t.length - 1 && t[i] < edges[k + 1]; ++i) {
        if (t[i + 1] <= edges[k]) continue;
        const [a, b] = this.thinned
          ? [this.least[i], this.most[i]]
          : this.points
            ? [this.points[i], this.points[i + 1]]
            : [this.drawn.watts(i), this.drawn.watts(i)];
        low = Math.min(low, a, b);
        high = Math.max(high, a, b);
        ++count;
      }
      if (count > 1 || (count > 0 && this.thinned)) [least[k], most[k]] = [low, high];
    }
    return { least, most };
  }

  /** Energy between two moments with the half width of its 95 % interval. */
  measure(from, to) {
    return {
      joules: this.between(from, to),
      error: this.limits.gauge ? this.#gaugeError(from, to) : this.#counterError(from, to),
    };
  }

  #part(i, from, to) {
    const a = Math.max(from, this.t[i]),
      b = Math.min(to, this.t[i + 1]);
    return { share: (b - a) / this.seconds(i), seconds: b - a };
  }
  #shareError(i, from, to) {
    const { share } = this.#part(i, from, to);
    const smaller = Math.min(share, 1 - share);
    const whole = this.joules[i + 1] - this.joules[i];
    return Math.min(whole * Math.min(2 * smaller, 1 - smaller), this.limits.highest_W * smaller * this.seconds(i));
  }
  /** Power that may be drawn at the edge of stretch `i`, looking at those from it on by `step`. */
  #localPower(i, stop, step) {
    const { refresh_s: refresh, highest_W: limit, step_J: stepJ } = this.limits;
    let joules = 0,
      time = 0,
      all = 0,
      highest = 0;
    for (; i !== stop && all < 8 * refresh; i += step) {
      joules += this.joules[i + 1] - this.joules[i];
      time += this.seconds(i);
      all += this.seconds(i);
      if (time < 2 * refresh) continue;
      highest = Math.max(highest, ((time > 8 * refresh ? 1.5 : 1.03) * joules) / time);
      joules = time = 0;
    }
    if (all >= 2 * refresh) return Math.min(highest, limit);
    return joules > stepJ ? Math.min((1.5 * joules) / all, limit) : limit;
  }
  #counterError(from, to) {
    const first = Math.max(0, before(this.t, from)),
      last = Math.min(before(this.t, to), this.t.length - 2);
    const { refresh_s: refresh, step_J: step, halfwidth_s: halfwidth } = this.limits;
    let variance = 0,
      unknown = 0;
    const stretch = (a, b) => {
      // good stretches a to b inclusive
      if (b < a) return;
      const firstW = this.#localPower(a, b + 1, 1),
        lastW = this.#localPower(b, a - 1, -1);
      let edges =
        square(differenceQuantile(refresh * firstW, refresh * lastW)) +
        square(differenceQuantile(step, step)) +
        square(halfwidth * firstW) +
        square(halfwidth * lastW);
      if (a === b) edges *= square(this.#part(a, from, to).share);
      variance += edges + square(this.#shareError(a, from, to)) + (a === b ? 0 : square(this.#shareError(b, from, to)));
    };
    let at = first;
    for (const gap of this.gaps) {
      if (gap.known || gap.at < first || gap.at > last) continue;
      stretch(at, gap.at - 1);
      unknown += this.#part(gap.at, from, to).seconds;
      at = gap.at + 1;
    }
    stretch(at, last);
    const seen = to - from - unknown;
    variance += this.#unseen(first, last, from, to);
    if (unknown > 0 && seen > 0) variance += square(((3 * this.between(from, to)) / seen) * unknown);
    return Math.sqrt(variance);
  }
  /** Square of what a counter's sensor may have missed that looks for a part of the time only. */
  #unseen(first, last, from, to) {
    const { refresh_s: refresh, seen = 1 } = this.limits;
    if (seen >= 1) return 0;
    const skipped = new Set(this.gaps.filter((gap) => !gap.known).map((gap) => gap.at));
    let joules = 0,
      time = 0,
      all = 0,
      allJ = 0,
      earlier = -1,
      differences = 0,
      noise = 0,
      count = 0;
    for (let i = first; i <= last; ++i) {
      const { share, seconds } = this.#part(i, from, to);
      if (skipped.has(i) || !(seconds > 0)) continue;
      const part = share * (this.joules[i + 1] - this.joules[i]);
      joules += part;
      time += seconds;
      allJ += part;
      all += seconds;
      if (time < 4 * refresh) continue;
      const watts = joules / time;
      if (earlier >= 0) {
        differences += square((watts - earlier) * time);
        noise += 0.5 * square(watts * refresh);
        ++count;
      }
      earlier = watts;
      joules = time = 0;
    }
    const handful = Math.min(0.8, 2 / square(all / refresh + 1)) * allJ;
    const few = count > 0 ? (1.5 - 0.4 * seen) * (1 + 2 / count) : 0;
    return square(few) * Math.max(0, differences - noise) + square(handful);
  }
  /** Power of a gauge at both ends of stretch `i`, or the lowest and highest in it. */
  #ends(i) {
    return this.points ? [this.points[i], this.points[i + 1]] : [this.least[i], this.most[i]];
  }
  /**
   * What the readings of a stretch of time and those beside it show: mean square of the difference between neighbours, each by
   * the square of its time, and the mean power. A few readings may all have missed what comes and goes around them.
   */
  #around(first, last) {
    const least = 16,
      more = Math.max(0, Math.ceil((least - (last - first + 1)) / 2));
    let differences = 0,
      squares = 0,
      joules = 0,
      time = 0,
      count = 0;
    for (let i = Math.max(0, first - more); i <= Math.min(this.t.length - 2, last + more); ++i) {
      const [a, b] = this.#ends(i),
        seconds = this.seconds(i);
      differences += square((b - a) * seconds);
      squares += square(seconds);
      joules += this.joules[i + 1] - this.joules[i];
      time += seconds;
      ++count;
    }
    return { square_W: differences / squares, mean_W: joules / time, count };
  }
  #gaugeError(from, to) {
    const { refresh_s: refresh, averaging_s: averaging, step_W: step } = this.limits;
    const first = Math.max(0, before(this.t, from)),
      last = Math.min(before(this.t, to), this.t.length - 2);
    let variance = 0,
      squares = 0,
      low = Infinity,
      high = -Infinity,
      count = 0;
    for (let i = first; i <= last; ++i) {
      const { seconds } = this.#part(i, from, to);
      if (!(seconds > 0)) continue;
      const [a, b] = this.#ends(i);
      variance += square((b - a) * seconds);
      squares += square(seconds);
      low = Math.min(low, a, b);
      high = Math.max(high, a, b);
      ++count;
    }
    if (count === 0) return Infinity;
    const around = this.#around(first, last);
    const time = to - from,
      joules = this.between(from, to),
      mean = joules / time;
    let gaps = 0;
    for (const gap of this.gaps) {
      const seconds = Math.min(to, gap.to) - Math.max(from, gap.from);
      if (seconds > 0) gaps += square(seconds * Math.max(high - mean, mean - low, 0.1 * mean));
    }
    const share = Math.min(1, (averaging * count) / time);
    const few = (n) => square((1.5 - 0.4 * share) * (1 + 2 / n));
    const moved = Math.max(few(count) * variance, few(around.count) * around.square_W * squares);
    const lag = 0.5 * refresh + 0.1 * averaging,
      seen = Math.max(refresh, averaging);
    const looks = (averaging * count > time ? time / seen : Math.min(count, time / seen)) + 1;
    const unseen = Math.min(0.8, 2 / square(looks)) * Math.max(joules, around.mean_W * time);
    return Math.sqrt(moved + gaps + square(0.95 * step * time) + square(lag * (high - low)) + square(unseen));
  }
}

/** Several meters together. */
export function measureAll(tracks, from, to) {
  let joules = 0,
    variance = 0;
  for (const track of tracks) {
    const part = track.measure(from, to);
    joules += part.joules;
    variance += square(part.error);
  }
  return { joules, error: Math.sqrt(variance) };
}
