package malloc4j.cli.learn;

import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.TreeSet;
import malloc4j.cli.learn.ScenePlayed.Piece;
import malloc4j.cli.learn.ScenePlayed.Step;

/// Where addresses are drawn: strips of one scene that show the same addresses share an axis, so that a piece that has
/// not moved is drawn in one place before and after.
///
/// ```
///   addresses    from        a    b                  c     d        to
///   drawn        |###########|....|##################|.....|########|
///                 a stretch between two edges is the wider the larger it is, by the logarithm of its size;
///                 what lies in no strip is a gap of one width
/// ```
final class StripAxis {
    private static final double GAP = 2;
    private static final double LEAST = 3;
    private static final long MAX_UNIT_BYTES = 4096;

    private final NavigableMap<Long, Double> edges = new TreeMap<>(); // from an edge's address to where it is drawn
    private final double length;

    private StripAxis(List<List<Piece>> strips) {
        long unit =
                strips.stream().flatMap(List::stream).mapToLong(Piece::byteSize).reduce(MAX_UNIT_BYTES, Math::min);
        TreeSet<Long> addresses = new TreeSet<>();
        for (List<Piece> strip : strips) {
            for (Piece piece : strip) {
                addresses.add(piece.from());
                addresses.add(piece.to());
            }
        }
        double at = 0;
        long before = 0;
        for (long address : addresses) {
            if (!edges.isEmpty()) {
                at += weight(strips, before, address, unit);
            }
            edges.put(address, at);
            before = address;
        }
        length = at;
    }

    /// The axis of a step's strip: that of all strips of the scene whose addresses overlap with it, directly or by
    /// way of others.
    static StripAxis of(ScenePlayed scene, List<Piece> strip) {
        List<List<Piece>> together = new ArrayList<>(List.of(strip));
        List<List<Piece>> others = new ArrayList<>();
        for (Step step : scene.steps()) {
            List<Piece> other = step.strip();
            if (other != null && !other.isEmpty() && !other.equals(strip)) {
                others.add(other);
            }
        }
        for (int found = 0; found < together.size(); found++) {
            for (int index = others.size() - 1; index >= 0; index--) {
                if (overlap(together.get(found), others.get(index))) {
                    together.add(others.remove(index));
                }
            }
        }
        return new StripAxis(together);
    }

    private static boolean overlap(List<Piece> one, List<Piece> other) {
        return one.getFirst().from() < other.getLast().to()
                && other.getFirst().from() < one.getLast().to();
    }

    private static double weight(List<List<Piece>> strips, long from, long to, long unit) {
        boolean isMapped =
                strips.stream().flatMap(List::stream).anyMatch(piece -> piece.from() < to && from < piece.to());
        return isMapped ? LEAST + Math.log((double) Math.max(unit, to - from) / unit) / Math.log(2) : GAP;
    }

    /// Where an edge of a piece is drawn, between 0 and `width`.
    double at(long address, double width) {
        return length == 0 ? 0 : width * edges.getOrDefault(address, 0.0) / length;
    }
}
