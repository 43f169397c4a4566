package malloc4j.linux;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Which safeguards one [SecretMemory] has, and why it lacks the others.
///
/// @param grants one for each [Safeguard], in its order
/// @since 0.1.0
public record Safeguards(List<Grant> grants) {
    /// One safeguard, granted or refused.
    ///
    /// @param safeguard which
    /// @param means by what it was granted or last attempted, such as `madvise(MADV_WIPEONFORK)`
    /// @param refusal the call that was refused, with errno and what to do about it; null where it was granted
    public record Grant(
            Safeguard safeguard, String means, @Nullable SystemCallException refusal) {
        /// Whether the secret has it.
        public boolean granted() {
            return refusal == null;
        }

        @Override
        public String toString() {
            return safeguard + (refusal == null ? " by " + means : " refused: " + refusal.getMessage());
        }
    }

    public Safeguards {
        grants = List.copyOf(grants);
        if (!grants.stream().map(Grant::safeguard).toList().equals(List.of(Safeguard.values()))) {
            throw new IllegalArgumentException("not one grant for each safeguard: " + grants);
        }
    }

    /// What became of one safeguard.
    public Grant get(Safeguard safeguard) {
        return grants.stream()
                .filter(grant -> grant.safeguard() == safeguard)
                .findFirst()
                .orElseThrow();
    }

    /// Whether the secret has a safeguard.
    public boolean has(Safeguard safeguard) {
        return get(safeguard).granted();
    }

    /// Those that the system did not grant; empty where it granted all.
    public List<Grant> refused() {
        return grants.stream().filter(grant -> !grant.granted()).toList();
    }

    /// Throws the first refusal among `required`.
    void require(Safeguard... required) {
        Arrays.stream(required).map(this::get).map(Grant::refusal).forEach(refusal -> {
            if (refusal != null) {
                throw refusal;
            }
        });
    }

    /// A line for each safeguard.
    @Override
    public String toString() {
        return grants.stream().map(Grant::toString).collect(Collectors.joining("\n"));
    }
}
