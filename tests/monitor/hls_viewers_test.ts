import { withHlsViewers } from "../../lib/monitor/hls_viewers.ts";
import { assertEquals } from "../helpers/assert.ts";
import { PULLED, SNAPSHOT } from "../http/fake_view.ts";

Deno.test("withHlsViewers() adds viewers of HLS to players and audience of their stream", () => {
  const viewer = {
    ...SNAPSHOT.clients[0]!,
    ...{ id: "v1", type: "hls-play", vhost: PULLED.vhost, stream: PULLED.name } as const,
    rate: { recvKbps: 0, sendKbps: 700 },
  };
  const clients = [...SNAPSHOT.clients, viewer, { ...viewer, id: "v2" }, {
    ...viewer,
    id: "v3",
    stream: "live/gone",
  }];
  const { streams } = withHlsViewers({ ...SNAPSHOT, clients });
  const { players, audience } = streams.find(({ name }) => name === PULLED.name)!;
  assertEquals([players, audience.players, audience.kbps], [
    PULLED.players + 2,
    PULLED.audience.players + 2,
    PULLED.audience.kbps + 1_400,
  ]);
  assertEquals(withHlsViewers(SNAPSHOT), SNAPSHOT);
});
