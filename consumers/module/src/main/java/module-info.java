/// A module that requires malloc4j and nothing for its sake.
module consumer {
    requires malloc4j;
}
