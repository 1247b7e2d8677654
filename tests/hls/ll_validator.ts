/**
 * Checks live playlists against RFC 8216bis (draft-pantos-hls-rfc8216bis-15), written from its
 * text: each one alone, and what may change from one to the next.
 */

interface PartLine {
  readonly uri: string;
  readonly duration: number;
  readonly isIndependent: boolean;
}

interface SegmentLines {
  readonly sequence: number;
  /** Null for the segment that is not complete. */
  readonly uri: string | null;
  readonly duration: number;
  readonly parts: readonly PartLine[];
}

interface Parsed {
  readonly target: number;
  readonly partTarget: number | null;
  readonly segments: readonly SegmentLines[];
  readonly hint: string | null;
  readonly isEnded: boolean;
  readonly errors: string[];
}

/** §4.4.4.9: a part is at least this part of the target, unless it is the last of its segment. */
const SHORTEST = 0.85;

/** Durations are written in ms. */
const ROUNDING = 0.001;

/** Returns what is wrong with consecutive versions of a playlist; empty if nothing is. */
export function findFaults(versions: readonly string[]): string[] {
  const faults: string[] = [];
  let before: Parsed | null = null;
  for (const [index, text] of versions.entries()) {
    const parsed = parse(text);
    const found = [...parsed.errors, ...(before === null ? [] : compare(before, parsed))];
    faults.push(...found.map((fault) => `version ${index}: ${fault}`));
    before = parsed;
  }
  return faults;
}

function parse(text: string): Parsed {
  const errors: string[] = [];
  const lines = text.split("\n");
  const valueOf = (tag: string) => lines.find((line) => line.startsWith(tag))?.slice(tag.length);
  if (lines[0] !== "#EXTM3U") errors.push("does not begin with EXTM3U");
  const target = Number(valueOf("#EXT-X-TARGETDURATION:"));
  if (!Number.isInteger(target) || target < 1) errors.push("no target duration");
  const info = valueOf("#EXT-X-PART-INF:");
  const partTarget = info === undefined ? null : Number(attribute(info, "PART-TARGET"));
  if (Number(valueOf("#EXT-X-VERSION:")) < 6 && text.includes("#EXT-X-MAP")) {
    errors.push("EXT-X-MAP needs version 6");
  }
  checkControl(valueOf("#EXT-X-SERVER-CONTROL:"), partTarget, errors);
  let sequence = Number(valueOf("#EXT-X-MEDIA-SEQUENCE:") ?? 0);
  const segments: SegmentLines[] = [];
  let parts: PartLine[] = [];
  let duration = 0;
  let hint: string | null = null;
  for (const line of lines) {
    if (line.startsWith("#EXT-X-PART:")) {
      if (hint !== null) errors.push("a part follows the hint");
      parts.push({
        uri: attribute(line, "URI"),
        duration: Number(attribute(line, "DURATION")),
        isIndependent: /,INDEPENDENT=YES/.test(line),
      });
    }
    if (line.startsWith("#EXT-X-PRELOAD-HINT:TYPE=PART")) {
      if (hint !== null) errors.push("more than one hint for a part");
      hint = attribute(line, "URI");
    }
    if (line.startsWith("#EXTINF:")) duration = Number(/^#EXTINF:([\d.]+)/.exec(line)![1]);
    if (line !== "" && !line.startsWith("#")) {
      segments.push({ sequence: sequence++, uri: line, duration, parts });
      parts = [];
    }
  }
  if (parts.length > 0) segments.push({ sequence, uri: null, duration: 0, parts });
  checkSegments(segments, { target, partTarget }, errors);
  const isEnded = lines.includes("#EXT-X-ENDLIST");
  if (isEnded && hint !== null) errors.push("a hint in a list that has ended");
  return { target, partTarget, segments, hint, isEnded, errors };
}

/** §4.4.3.8. */
function checkControl(text: string | undefined, partTarget: number | null, errors: string[]): void {
  if (partTarget === null) return;
  if (text === undefined) return void errors.push("no EXT-X-SERVER-CONTROL");
  if (!/CAN-BLOCK-RELOAD=YES/.test(text)) errors.push("reload does not block");
  const holdBack = Number(attribute(text, "PART-HOLD-BACK"));
  if (!(holdBack >= 3 * partTarget - ROUNDING)) errors.push(`PART-HOLD-BACK of ${holdBack}`);
}

/** §4.4.3.1, §4.4.4.9. */
function checkSegments(
  segments: readonly SegmentLines[],
  { target, partTarget }: Pick<Parsed, "target" | "partTarget">,
  errors: string[],
): void {
  let behind = 0;
  for (const { sequence, uri, duration, parts } of segments.toReversed()) {
    const where = `segment ${sequence}`;
    if (Math.round(duration) > target) errors.push(`${where} lasts ${duration}`);
    if (parts.length > 0 && partTarget === null) errors.push(`${where}: parts without PART-INF`);
    for (const [index, part] of parts.entries()) {
      // The newest one of an open segment may be its last; the next version tells.
      const isLast = index === parts.length - 1;
      if (part.duration > partTarget! + ROUNDING) {
        errors.push(`${where}: a part of ${part.duration}`);
      }
      if (!isLast && part.duration < partTarget! * SHORTEST - ROUNDING) {
        errors.push(`${where}: a part of only ${part.duration}`);
      }
    }
    if (behind > 3 * target && parts.length > 0) errors.push(`${where}: parts too far back`);
    if (uri !== null && behind < 2 * target && parts.length === 0 && partTarget !== null) {
      errors.push(`${where}: no parts`);
    }
    const sum = parts.reduce((total, part) => total + part.duration, 0);
    if (uri !== null && parts.length > 0 && Math.abs(sum - duration) > ROUNDING * parts.length) {
      errors.push(`${where}: parts last ${sum}, the segment ${duration}`);
    }
    behind += uri === null ? sum : duration;
  }
}

/** §6.2.1, §6.2.2: what was listed stays as it was, and leaves at the beginning only. */
function compare(before: Parsed, after: Parsed): string[] {
  const faults: string[] = [];
  if (after.target !== before.target) faults.push("the target duration changed");
  if (after.partTarget !== before.partTarget && !after.isEnded) faults.push("PART-TARGET changed");
  const first = after.segments[0]?.sequence ?? 0;
  for (const old of before.segments) {
    const now = after.segments.find(({ sequence }) => sequence === old.sequence);
    if (now === undefined) {
      if (old.sequence >= first) faults.push(`segment ${old.sequence} is gone`);
      continue;
    }
    if (old.uri !== null && (now.uri !== old.uri || now.duration !== old.duration)) {
      faults.push(`segment ${old.sequence} changed`);
    }
    for (const [index, part] of old.parts.entries()) {
      const same = now.parts[index];
      if (now.parts.length > 0 && JSON.stringify(same) !== JSON.stringify(part)) {
        faults.push(`part ${index} of segment ${old.sequence} changed`);
      }
    }
  }
  const known = new Set(before.segments.flatMap(({ parts }) => parts.map(({ uri }) => uri)));
  const [added] = after.segments.flatMap(({ parts }) => parts).filter(({ uri }) => !known.has(uri));
  if (before.hint !== null && added !== undefined && added.uri !== before.hint) {
    faults.push(`${added.uri} follows, not the hinted ${before.hint}`);
  }
  if (before.hint !== after.hint && added === undefined && !after.isEnded) {
    faults.push(`the hint ${before.hint} was taken back`);
  }
  return faults;
}

function attribute(line: string, name: string): string {
  const found = new RegExp(`(?:[:,]|^)${name}=(?:"([^"]*)"|([^,]*))`).exec(line);
  return found?.[1] ?? found?.[2] ?? "";
}
