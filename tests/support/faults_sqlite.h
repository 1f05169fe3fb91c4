/* Faults of SQLite's files and memory, for faults.h. */
#pragma once

/* Before anything else uses SQLite; once. Ends the program if it cannot. */
void faults_sqlite_install(void);
