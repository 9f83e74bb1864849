/** By how many bytes this process was larger at most, while the body ran, than before it. */
export async function peakGrowth(body: () => Promise<void>): Promise<number> {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  try {
    await body();
  } finally {
    clearInterval(timer);
  }
  return peak - before;
}
