/// `malloc4j stats`, `classes`, `top`, `held`, `trim`: what the heaps of a running program hold, and having them give
/// back what they can.
@NullMarked
package malloc4j.cli.heaps;

import org.jspecify.annotations.NullMarked;
