package malloc4j;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Whether a profile tells the truth: ten sites that allocate a GiB together, whose every byte is known, short-lived
/// and long-lived blocks of mixed sizes by turns, in twenty runs.
class ProfileTruthTest {
    private static final int RUNS = 20;
    private static final int SITES = 10;
    private static final long TOTAL_BYTES = 1L << 30;
    private static final long SAMPLE_BYTES = 512 << 10;

    /// Standard deviations, which are estimates themselves; beyond six of them lies one of 500 million.
    private static final double FAR = 6;

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void estimatesAreUnbiasedForEverySite(int threads) throws InterruptedException {
        double[] totalErrors = new double[SITES]; // of all runs
        double[] totalVariances = new double[SITES];
        double[] liveErrors = new double[SITES];
        double[] liveVariances = new double[SITES];
        int[] above = new int[SITES];
        int withinFivePercent = 0;
        double[] meanErrors = new double[SITES];
        for (int run = 0; run < RUNS; run++) {
            Truth truth = Truth.of(run, threads);
            for (int site = 0; site < SITES; site++) {
                AllocationSite estimate = truth.find(site);
                totalErrors[site] += estimate.totalBytes() - truth.totalBytes[site];
                totalVariances[site] += square(estimate.totalDeviationBytes());
                liveErrors[site] += estimate.liveBytes() - truth.liveBytes[site];
                liveVariances[site] += square(estimate.liveDeviationBytes());
                above[site] += estimate.totalBytes() > truth.totalBytes[site] ? 1 : 0;
                double error = (double) estimate.totalBytes() / truth.totalBytes[site] - 1;
                meanErrors[site] += error / RUNS;
                withinFivePercent += Math.abs(error) < 0.05 ? 1 : 0;
            }
        }
        for (int site = 0; site < SITES; site++) {
            String name = "site " + site + " of " + threads + " threads";
            assertThat(deviations(totalErrors[site], totalVariances[site]))
                    .as("total of " + name)
                    .isBetween(-FAR, FAR);
            assertThat(deviations(liveErrors[site], liveVariances[site]))
                    .as("live of " + name)
                    .isBetween(-FAR, FAR);
            assertThat(above[site]).as("runs above the truth, " + name).isBetween(1, RUNS - 1);
        }
        IO.println("%d threads: means of %d runs off by %s %%; %d of %d single estimates within 5 %%"
                .formatted(
                        threads,
                        RUNS,
                        Arrays.stream(meanErrors)
                                .mapToObj(error -> "%.1f".formatted(100 * error))
                                .toList(),
                        withinFivePercent,
                        RUNS * SITES));
    }

    private static double square(long number) {
        return (double) number * number;
    }

    private static double deviations(double error, double variance) {
        return error == 0 ? 0 : error / Math.sqrt(variance);
    }

    /// One run: what was allocated, and what the profile says of it.
    private static final class Truth {
        final double[] totalBytes = new double[SITES];
        final double[] liveBytes = new double[SITES];
        private @Nullable AllocationProfile profile;

        static Truth of(int run, int threads) throws InterruptedException {
            Truth truth = new Truth();
            HeapOptions options =
                    HeapOptions.builder().profileBytes(SAMPLE_BYTES).build();
            try (Heap heap = Heap.create(options)) {
                List<Thread> team = new ArrayList<>();
                List<Worker> workers = new ArrayList<>();
                for (int thread = 0; thread < threads; thread++) {
                    Worker worker = new Worker(heap, new Random(1_000L * run + thread), TOTAL_BYTES / threads);
                    workers.add(worker);
                    team.add(Thread.ofPlatform().start(worker));
                }
                for (Thread thread : team) {
                    thread.join();
                }
                AllocationProfile profile = heap.profile();
                truth.profile = profile;
                assertThat(profile.sites()).hasSize(SITES);
                for (Worker worker : workers) {
                    for (int site = 0; site < SITES; site++) {
                        truth.totalBytes[site] += worker.truth.totalBytes[site];
                        truth.liveBytes[site] += worker.truth.liveBytes[site];
                    }
                }
                assertThat(profile.totalBytes())
                        .isEqualTo(profile.sites().stream()
                                .mapToLong(AllocationSite::totalBytes)
                                .sum());
                heap.verify();
            }
            return truth;
        }

        AllocationSite find(int site) {
            String frame = "malloc4j.ProfileTruthTest$Worker.site" + site + "(";
            return requireNonNull(profile).sites().stream()
                    .filter(each -> each.frames().getFirst().startsWith(frame))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /// Allocates by ten methods in random order; even ones keep every eighth block, odd ones none.
    private static final class Worker implements Runnable {
        final Truth truth = new Truth();
        private final Heap heap;
        private final Random random;
        private final long bytes;
        private final long[] recent = new long[64];

        Worker(Heap heap, Random random, long bytes) {
            this.heap = heap;
            this.random = random;
            this.bytes = bytes;
        }

        @Override
        public void run() {
            long done = 0;
            for (int turn = 0; done < bytes; turn++) {
                int site = random.nextInt(SITES);
                int byteSize = 32 << random.nextInt(2 + site % 8);
                long block = allocate(site, byteSize);
                done += byteSize;
                truth.totalBytes[site] += byteSize;
                if (site % 2 == 0 && turn % 8 == 0) {
                    truth.liveBytes[site] += byteSize;
                } else {
                    int place = random.nextInt(recent.length);
                    if (recent[place] != 0) {
                        heap.free(recent[place]);
                    }
                    recent[place] = block;
                }
            }
            for (long block : recent) {
                if (block != 0) {
                    heap.free(block);
                }
            }
        }

        private long allocate(int site, int byteSize) {
            return switch (site) {
                case 0 -> site0(byteSize);
                case 1 -> site1(byteSize);
                case 2 -> site2(byteSize);
                case 3 -> site3(byteSize);
                case 4 -> site4(byteSize);
                case 5 -> site5(byteSize);
                case 6 -> site6(byteSize);
                case 7 -> site7(byteSize);
                case 8 -> site8(byteSize);
                default -> site9(byteSize);
            };
        }

        private long site0(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site1(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site2(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site3(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site4(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site5(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site6(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site7(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site8(int byteSize) {
            return heap.malloc(byteSize);
        }

        private long site9(int byteSize) {
            return heap.malloc(byteSize);
        }
    }
}
