/** Where a repository is, with every path absolute and every secret resolved: what {@link openStore} takes. */
export type ResolvedStore =
  | {
      type: 'filesystem';
      /** Absolute. */
      path: string;
    }
  | {
      type: 's3';
      bucket: string;
      /** What every key begins with; slashes around it do not matter. `''` for the bucket's root. */
      prefix: string;
      /** Default: what the AWS SDK finds (AWS_REGION, a profile); with an endpoint, AWS_REGION or `us-east-1`. */
      region?: string | undefined;
      /** `http://` or `https://`, for servers other than AWS. */
      endpoint?: string | undefined;
      forcePathStyle: boolean;
      /**
       * Default: the AWS SDK's chain (environment, profile, role of the machine). A function is asked at first, and
       * again when the store calls what it gave expired or unknown.
       */
      credentials?: StoreCredentials | (() => Promise<StoreCredentials>) | undefined;
    };

export interface StoreCredentials {
  accessKeyId: string;
  secretAccessKey: string;
}
