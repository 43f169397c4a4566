package malloc4j.cli.attach;

import java.io.ObjectInputFilter;
import java.util.Set;

/// Lets only records of known types be read, with what they are made of. The process may be another user's, and this
/// command root's.
final class AcceptedRecords implements ObjectInputFilter {
    private static final long MAX_DEPTH = 20;
    private static final Set<String> PARTS = Set.of(
            "java.lang.Object",
            "java.lang.Record",
            "java.lang.StackTraceElement",
            "java.lang.String",
            "java.util.CollSer", // what List.of and its like are written as, and what they become
            "java.util.ImmutableCollections$List12",
            "java.util.ImmutableCollections$ListN",
            "java.util.ImmutableCollections$Map1",
            "java.util.ImmutableCollections$MapN",
            "java.lang.Integer",
            "java.lang.Long",
            "java.lang.Number");

    private final Set<Class<?>> types;

    AcceptedRecords(Class<?>... types) {
        this.types = Set.of(types);
    }

    @Override
    public Status checkInput(FilterInfo info) {
        if (info.depth() > MAX_DEPTH) {
            return Status.REJECTED;
        }
        Class<?> type = info.serialClass();
        while (type != null && type.isArray()) {
            type = type.getComponentType();
        }
        boolean isAccepted =
                type == null || type.isPrimitive() || types.contains(type) || PARTS.contains(type.getName());
        return isAccepted ? Status.ALLOWED : Status.REJECTED;
    }
}
