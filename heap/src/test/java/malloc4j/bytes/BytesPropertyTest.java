package malloc4j.bytes;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.List;
import malloc4j.bytes.Place.Kind;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/// Random operations one after another on one place and on an array, which agree after each.
class BytesPropertyTest {
    private static final int BYTE_SIZE = 3_000;

    /// One operation; what it does not need it ignores.
    private record Operation(int kind, int to, int from, int value, int byteSize, int needleBytes) {
        /// Runs on both; the results must agree.
        void run(Place place, byte[] model) {
            switch (kind) {
                case 0 -> {
                    place.memset(to, value, byteSize);
                    NaiveBytes.memset(model, to, value, byteSize);
                }
                case 1 -> {
                    place.memmove(to, from, byteSize);
                    NaiveBytes.memmove(model, to, from, byteSize);
                }
                case 2 -> {
                    place.memcpy(to, from, byteSize);
                    NaiveBytes.memmove(model, to, from, byteSize);
                }
                case 3 ->
                    assertThat(Integer.signum(place.memcmp(to, from, byteSize)))
                            .isEqualTo(NaiveBytes.memcmp(model, to, from, byteSize));
                case 4 ->
                    assertThat(place.memchr(from, value, byteSize))
                            .isEqualTo(NaiveBytes.memchr(model, from, value, byteSize));
                case 5 ->
                    assertThat(place.memrchr(from, value, byteSize))
                            .isEqualTo(NaiveBytes.memrchr(model, from, value, byteSize));
                default ->
                    assertThat(place.memmem(from, byteSize, to, needleBytes))
                            .isEqualTo(NaiveBytes.memmem(model, from, byteSize, to, needleBytes));
            }
        }
    }

    @Property(tries = 300)
    void everyKindAgreesWithTheModel(@ForAll Kind kind, @ForAll("operations") List<Operation> operations) {
        try (Arena arena = Arena.ofConfined()) {
            Place place = kind.allocate(arena, BYTE_SIZE);
            byte[] model = new byte[BYTE_SIZE];
            for (Operation operation : operations) {
                operation.run(place, model);
                assertThat(place.toArray()).isEqualTo(model);
            }
        }
    }

    @Provide
    Arbitrary<List<Operation>> operations() {
        Arbitrary<Integer> kinds = Arbitraries.integers().between(0, 7);
        Arbitrary<Integer> offsets = Arbitraries.integers().between(0, BYTE_SIZE);
        Arbitrary<Integer> values = Arbitraries.integers().between(-2, 2); // few, so that they meet again
        Arbitrary<Integer> sizes = Arbitraries.frequencyOf(
                Tuple.of(5, Arbitraries.integers().between(0, 70)),
                Tuple.of(2, Arbitraries.integers().between(0, BYTE_SIZE)));
        return Combinators.combine(kinds, offsets, offsets, values, sizes, sizes)
                .as((kind, to, from, value, byteSize, needleBytes) -> new Operation(
                        kind,
                        to,
                        from,
                        value,
                        Math.min(byteSize, BYTE_SIZE - Math.max(to, from)),
                        Math.min(needleBytes, BYTE_SIZE - to)))
                .list()
                .ofMinSize(1)
                .ofMaxSize(60);
    }
}
