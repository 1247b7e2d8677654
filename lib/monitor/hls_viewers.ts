import type { ClientSnapshot, ServerSnapshot, StreamSnapshot } from "./server_view.ts";

/**
 * Returns the snapshot with the viewers of HLS among the players of their streams. They are added
 * to the snapshot of all workers, because one may have viewers of a stream that it does not know.
 */
export function withHlsViewers(snapshot: ServerSnapshot): ServerSnapshot {
  const viewers = Map.groupBy(
    snapshot.clients.filter(({ type }) => type === "hls-play"),
    ({ vhost, stream }) => keyOf(vhost, stream),
  );
  if (viewers.size === 0) return snapshot;
  const streams = snapshot.streams.map((stream) =>
    addViewers(stream, viewers.get(keyOf(stream.vhost, stream.name)) ?? [])
  );
  return { ...snapshot, streams };
}

function addViewers(stream: StreamSnapshot, viewers: readonly ClientSnapshot[]): StreamSnapshot {
  const { audience, players } = stream;
  const kbps = viewers.reduce((sum, { rate }) => sum + rate.sendKbps, audience.kbps);
  return {
    ...stream,
    players: players + viewers.length,
    audience: { ...audience, players: audience.players + viewers.length, kbps },
  };
}

function keyOf(vhost: string, stream: string): string {
  return JSON.stringify([vhost, stream]);
}
