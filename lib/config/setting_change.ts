/** A difference between two configurations. */
export interface SettingChange {
  /**
   * The directive: `listen`, `http_api.enabled`, `vhost a.example play.atc`; or `vhost a.example`.
   */
  readonly path: string;
  /** The values as text, without secrets. `absent` and `present` for a whole vhost. */
  readonly from: string;
  readonly to: string;
  /** `live`: a running server applies it. `restart`: takes effect at the next start only. */
  readonly how: "live" | "restart";
  /** Why it needs a restart, or what to know about the live change; may be empty. */
  readonly note: string;
}
