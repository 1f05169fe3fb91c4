#include "cli/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/msg.h"

void sg_file_tree_clear(struct sg_file_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        free(tree->files[i].path);
    free(tree->files);
    free(tree->folder_path);
    closep(&tree->folder);
    *tree = (struct sg_file_tree)SG_FILE_TREE;
}

/* Takes `path` over, also when it fails. */
static enum sg_rc add(struct sg_file_tree *tree, char *path, size_t below, int errnum, struct sg_err *err)
{
    if (tree->count == tree->room) {
        size_t room = tree->room ? 2 * tree->room : 64;
        struct sg_found_file *files = reallocarray(tree->files, room, sizeof(*files));

        if (!files) {
            free(path);
            return sg_fail_memory(err);
        }
        tree->files = files;
        tree->room = room;
    }
    tree->files[tree->count++] = (struct sg_found_file){.path = path, .below = below, .errnum = errnum};
    return SG_OK;
}

enum sg_rc sg_file_tree_add(struct sg_file_tree *tree, const char *path, struct sg_err *err)
{
    char *copy = strdup(path);

    return copy ? add(tree, copy, 0, 0, err) : sg_fail_memory(err);
}

/* --- walking ---------------------------------------------------------------------------------------------------------
 */

struct name {
    char *text;
    bool is_folder;
};

struct names {
    struct name *items;
    size_t count, room;
};

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].text);
    free(names->items);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* DT_REG, DT_DIR, or what is of no interest. */
static unsigned char type_of(DIR *folder, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_UNKNOWN;
    return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static enum sg_rc add_name(struct names *names, const char *text, bool is_folder, struct sg_err *err)
{
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        struct name *items = reallocarray(names->items, room, sizeof(*items));

        if (!items)
            return sg_fail_memory(err);
        names->items = items;
        names->room = room;
    }
    char *copy = strdup(text);
    if (!copy)
        return sg_fail_memory(err);
    names->items[names->count++] = (struct name){.text = copy, .is_folder = is_folder};
    return SG_OK;
}

static enum sg_rc read_names(DIR *folder, bool (*wanted)(const char *name), struct names *names, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (struct dirent *entry = readdir(folder); entry && rc == SG_OK; entry = readdir(folder)) {
        unsigned char type = type_of(folder, entry);
        bool is_self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;

        if (!is_self && (type == DT_DIR || (type == DT_REG && wanted(entry->d_name))))
            rc = add_name(names, entry->d_name, type == DT_DIR, err);
    }
    if (names->count > 0)
        qsort(names->items, names->count, sizeof(*names->items), compare_names);
    return rc;
}

/* The folder is open only while its names are read, so that deep trees need no more descriptors than flat ones. What
 * takes a folder's place meanwhile is found out when its files are opened. */
static DIR *open_folder(const char *path, unsigned depth)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth > 0 ? O_NOFOLLOW : 0);
    int fd = depth < SG_MAX_TREE_DEPTH ? open(path, flags) : -1;

    if (depth >= SG_MAX_TREE_DEPTH)
        errno = ELOOP;
    if (fd < 0)
        return NULL;
    DIR *folder = fdopendir(fd);
    if (!folder)
        (void)close(fd);
    return folder;
}

struct walk {
    struct sg_file_tree *tree;
    bool (*wanted)(const char *name);
    size_t below;
};

static enum sg_rc walk_folder(const struct walk *walk, const char *path, unsigned depth, struct sg_err *err)
{
    _cleanup_(names_clear) struct names names = {0};
    DIR *folder = open_folder(path, depth);

    if (!folder) {
        int errnum = errno;
        char *copy = strdup(path);

        return copy ? add(walk->tree, copy, walk->below, errnum, err) : sg_fail_memory(err);
    }
    enum sg_rc rc = read_names(folder, walk->wanted, &names, err);
    (void)closedir(folder);
    for (size_t i = 0; i < names.count && rc == SG_OK; i++) {
        const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
        char *below = NULL;

        if (asprintf(&below, "%s%s%s", path, slash, names.items[i].text) < 0)
            return sg_fail_memory(err);
        if (!names.items[i].is_folder) {
            rc = add(walk->tree, below, walk->below, 0, err);
            continue;
        }
        rc = walk_folder(walk, below, depth + 1, err);
        free(below);
    }
    return rc;
}

enum sg_rc sg_file_tree_walk(struct sg_file_tree *tree, const char *folder, bool (*wanted)(const char *name),
                             struct sg_err *err)
{
    size_t len = strlen(folder);
    const struct walk walk = {
        .tree = tree, .wanted = wanted, .below = len > 0 && folder[len - 1] == '/' ? len : len + 1};

    return walk_folder(&walk, folder, 0, err);
}

/* --- opening ---------------------------------------------------------------------------------------------------------
 */

static enum sg_rc folder_failed(const struct sg_found_file *file, struct sg_err *err)
{
    enum sg_rc rc = file->errnum == ENOENT ? SG_E_NOT_FOUND : SG_E_NOT_READABLE;

    return sg_about(file->path, err,
                    sg_fail_errno(err, rc, file->errnum,
                                  _("The folder \"%s\" cannot be looked into; check its permissions."), file->path));
}

/* The folder that was walked: files come folder by folder. */
static enum sg_rc open_walked(struct sg_file_tree *tree, const struct sg_found_file *file, struct sg_err *err)
{
    if (tree->folder_path && strncmp(tree->folder_path, file->path, file->below) == 0 &&
        tree->folder_path[file->below] == '\0')
        return SG_OK;
    closep(&tree->folder);
    free(sg_steal(tree->folder_path));
    tree->folder_path = strndup(file->path, file->below);
    if (!tree->folder_path)
        return sg_fail_memory(err);
    tree->folder = open(tree->folder_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (tree->folder >= 0)
        return SG_OK;
    int errnum = errno;
    free(sg_steal(tree->folder_path));
    return sg_about(file->path, err,
                    sg_fail_errno(err, SG_E_NOT_FOUND, errnum, _("The folder of \"%s\" is gone."), file->path));
}

enum sg_rc sg_file_tree_open(struct sg_file_tree *tree, const struct sg_found_file *file, const char *path,
                             struct sg_input **ret, struct sg_err *err)
{
    if (file->errnum != 0)
        return folder_failed(file, err);
    if (file->below == 0)
        return path == file->path ? sg_input_open(path, ret, err) : sg_input_open_file(-1, path, path, ret, err);
    enum sg_rc rc = open_walked(tree, file, err);
    return rc == SG_OK ? sg_input_open_file(tree->folder, path + file->below, path, ret, err) : rc;
}
