"""The closed lists of reasons that a scan is refused or waits (intake, section 4.5), with what to do next."""

REFUSALS: dict[str, str] = {
    "empty": "The file has no bytes: scan the sheet again.",
    "truncated": "The file ends too early: copy it again from the scanner.",
    "damaged": "The file has its full length but does not parse: scan again, or have a person accept it as it is.",
    "encrypted": "The file needs a password: ask its sender for one without.",
    "not-an-image": "The file is neither an image nor a PDF: offer the scan itself.",
    "unsupported": "The format is known but not taken: offer TIFF, PDF, JPEG, PNG, WebP or JPEG 2000.",
    "too-large": "The file or a page is over a limit: split it or raise the limit named.",
    "bomb": "The file unpacks to far more than it should: treat its sender with care.",
    "poison": "The file ended its child process twice: look at it on a machine you can spare.",
    "unreadable": "The file cannot be opened or is not there: check its path and permissions.",
    "not-regular": "Only regular files with one name are taken: no links, pipes or devices.",
    "wrong-batch": "The file belongs to another batch.",
    "separator-unreadable": "A separator sheet could not be read: split by hand or scan again.",
    "collation-mismatch": "Fronts and backs do not match in number: say which sheet is missing.",
    "barcode-conflict": "A barcode contradicts another or is taken: decide which holds.",
}

WAITING: dict[str, str] = {
    "arriving": "The file is still being written; it is taken when it is whole.",
    "no-space": "The disk is full: free some space.",
    "no-permission": "The file may not be read or renamed: correct its permissions.",
    "store-unavailable": "The object store does not answer: it is tried again.",
    "database-unavailable": "The database does not answer: it is tried again.",
}
