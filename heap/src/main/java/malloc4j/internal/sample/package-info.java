/// Some of a heap's blocks, looked at when they are allocated and when they are freed: by which stack, and when.
@NullMarked
package malloc4j.internal.sample;

import org.jspecify.annotations.NullMarked;
