/* SPDX-License-Identifier: Apache-2.0
 * Run a fuzz target over files, without a fuzzer: each argument is a folder of inputs.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An allocation of exactly the input's size, so that ASan sees any over-read. */
static int run_file(const char *path)
{
    struct stat info;
    uint8_t *data;
    size_t size;
    FILE *f = fopen(path, "re");

    if (f == NULL || fstat(fileno(f), &info) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISREG(info.st_mode)) {
        fclose(f);
        return 0;
    }
    size = (size_t)info.st_size;
    data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, f) != size) {
        perror(path);
        exit(2);
    }
    fclose(f);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int run_folder(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    int count = 0;

    if (d == NULL) {
        perror(folder);
        exit(2);
    }
    while ((entry = readdir(d)) != NULL) {
        char path[1024];

        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < (int)sizeof(path))
            count += run_file(path);
    }
    closedir(d);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++)
        count += run_folder(argv[i]);
    printf("%d inputs\n", count);
    return count >= 20 ? 0 : 1; /* a corpus that went missing is a failure */
}
